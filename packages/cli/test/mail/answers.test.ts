// SPDX-License-Identifier: Apache-2.0
import type { Letter } from '@waxwing/email'
import { describe, expect, it } from 'vitest'
import { MailAnswers } from '../../src/mail/answers.js'

const item = (byte: number, address?: string): { payload: Uint8Array; address?: string } => ({
  payload: Uint8Array.of(byte),
  ...(address === undefined ? {} : { address }),
})

function office(peers: Readonly<Record<string, readonly string[]>> = {}): {
  answers: MailAnswers
  posted: Letter[]
} {
  const posted: Letter[] = []
  const answers = new MailAnswers({
    peersFor: (address) => peers[address] ?? [],
    post: async (letter) => void posted.push(letter),
  })
  return { answers, posted }
}

describe('answers by mail', () => {
  it('go together, one mail for each mailbox, in their order', async () => {
    const { answers, posted } = office({ 'inbox/a': ['a@x', 'a@y'] })
    expect(answers.add(item(1, 'inbox/a'), 'other@x')).toBe(true)
    expect(answers.add(item(2, 'inbox/b'), 'b@x')).toBe(true)
    expect(answers.add(item(3, 'inbox/a'), undefined)).toBe(true)
    await answers.send()
    expect(
      posted.map(({ to, items = [] }) => [to, items.map(({ payload }) => payload[0])]),
    ).toEqual([
      ['a@x', [1, 3]],
      ['a@y', [1, 3]],
      ['b@x', [2]],
    ])
    await answers.send()
    expect(posted).toHaveLength(3)
    expect(answers).toMatchObject({ sent: 5, unsendable: 0 })
  })

  it('are counted where nobody is known to send them to, or nothing can be sent', async () => {
    const { answers } = office()
    expect(answers.add(item(1, 'inbox/a'), undefined)).toBe(false)
    expect(answers.addTo(item(1), 'request/00')).toBe(false)
    expect(answers.unsendable).toBe(2)
    const mute = new MailAnswers({ peersFor: () => ['a@x'], post: undefined })
    expect(mute.add(item(1, 'inbox/a'), 'b@x')).toBe(false)
    await mute.send()
  })

  it('go to a few of those only who say that an inbox is theirs', async () => {
    const { answers, posted } = office({ 'request/00': ['1@x', '2@x', '3@x', '4@x', '5@x'] })
    expect(answers.addTo(item(1), 'request/00')).toBe(true)
    await answers.send()
    expect(posted.map(({ to }) => to)).toEqual(['1@x', '2@x', '3@x'])
  })

  it('fail with what the server says', async () => {
    const answers = new MailAnswers({
      peersFor: () => [],
      post: () => Promise.reject(new Error('550 no')),
    })
    answers.add(item(1), 'a@x')
    await expect(answers.send()).rejects.toThrow('550 no')
  })
})
