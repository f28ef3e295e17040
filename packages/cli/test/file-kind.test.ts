// SPDX-License-Identifier: Apache-2.0
import { utf8 } from '@waxwing/core'
import { describe, expect, it } from 'vitest'
import { assertKind, fileKind } from '../src/file-kind.js'

describe('a mail in a file', () => {
  it.each([
    'From: a@x.org\r\nTo: b@x.org\r\n\r\ntext\r\n',
    'Received: by x\n\tfor y\nSubject: z\n\n',
    'From a@x.org Mon Nov 23\nSubject: x\nDate: today\n\n',
  ])('is told as such, and which command takes it: %j', (text) => {
    expect(fileKind(utf8(text))).toBe('mail')
    expect(() => assertKind('a.eml', utf8(text), 'messages')).toThrow('waxwing mail fetch a.eml')
  })

  it.each(['From here on', 'a: b', 'hello'])('is not what looks a little like one: %j', (text) => {
    expect(fileKind(utf8(text))).not.toBe('mail')
  })
})
