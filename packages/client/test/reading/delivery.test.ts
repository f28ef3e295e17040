// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { giveKeys } from '../support/stream.js'
import { setting, settle, texts, typesOf } from './setting.js'

describe('delivery', () => {
  it('hands over what it can open, with the protection that was found', async () => {
    await using made = await setting()
    made.inject(made.sealer.seal(0, 'warm'))
    const [message] = await made.take()
    expect(message?.text()).toBe('warm')
    expect(message?.protection).toMatchObject({ signed: true, replay: 'checked', kem: 'x25519' })
    expect(message?.receipt.counter).toBe(0)
    expect(made.events).toEqual([])
  })

  it('parks what it cannot open and hands it over when the keys come', async () => {
    await using made = await setting({ keys: false })
    for (const counter of [0, 1, 2]) made.inject(made.sealer.seal(counter))
    expect(await made.take()).toEqual([])
    expect(typesOf(made.events)).toEqual(['parked', 'parked', 'parked'])
    await giveKeys(made.book, made.stream)
    const messages = await made.take()
    expect(texts(messages)).toEqual(['message 0', 'message 1', 'message 2'])
    expect(await made.reader.parked()).toMatchObject([{ count: 3 }])
    for (const message of messages) await message.acknowledge()
    await settle()
    expect(await made.reader.parked()).toEqual([])
    expect(made.runtime.errors).toEqual([])
  })
})
