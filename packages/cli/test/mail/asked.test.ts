// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AskedList } from '../../src/mail/asked.js'

describe('the list of keys that were asked for by mail', () => {
  let folder: string
  let path: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'waxwing-asked-'))
    path = join(folder, 'asked.json')
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const [kid, other] = ['00112233', 'aabbccdd']

  it('outlives the process, with the earliest epoch that is wanted', () => {
    const list = new AskedList(path)
    list.miss(kid, 7)
    list.miss(kid, 5)
    list.miss(kid, 9)
    expect(new AskedList(path).all).toEqual([{ kid, epoch: 5 }])
  })

  it('knows when something was asked for, until more is wanted', () => {
    const list = new AskedList(path)
    list.miss(kid, 7)
    list.asked(kid, 1000)
    list.asked(other, 1000)
    list.miss(kid, 8)
    expect(new AskedList(path).all).toEqual([{ kid, epoch: 7, askedAt: 1000 }])
    list.miss(kid, 6)
    expect(new AskedList(path).all[0]).not.toHaveProperty('askedAt')
  })

  it('forgets what is not missing any more', () => {
    const list = new AskedList(path)
    list.miss(kid, 1)
    list.miss(other, 1)
    list.keep((key) => key.kid === other)
    expect(new AskedList(path).all.map((key) => key.kid)).toEqual([other])
  })

  it.each(['', '{}', '[1]', `[{"kid":"zz","epoch":1}]`, `[{"kid":"${kid}","epoch":"1"}]`])(
    'counts as empty where it is damaged: %j',
    (text) => {
      writeFileSync(path, text)
      expect(new AskedList(path).all).toEqual([])
    },
  )
})
