// SPDX-License-Identifier: Apache-2.0
/**
 * What cannot cross: it blocks nothing, and does not vanish silently.
 */

import { describe, expect, it } from 'vitest'
import { inboxAddress, isPackedMessage, packMessage, utf8, WaxwingError } from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import { memoryTransport } from '@waxwing/client/testing'
import { controlOf, numberOf, objectOf, TEXT } from './support/frames.js'
import { addressesAt, numbersAt, stage } from './support/stage.js'

const PLANT = [{ from: 'plant/#', to: 'plant/#' }]
const INBOX = inboxAddress(new Uint8Array(32).fill(7))
const LARGE = objectOf(1, 5000)

function deadLetters(): { items: Uint8Array[]; append: (item: Uint8Array) => Promise<void> } {
  const items: Uint8Array[] = []
  const append = (item: Uint8Array): Promise<void> => {
    if (item[0] !== 0xd0) throw new WaxwingError('ERR_MALFORMED', 'no item')
    items.push(item)
    return Promise.resolve()
  }
  return { items, append }
}

describe('what the target refuses for good', () => {
  it('goes back where the source has a place for it', async () => {
    const brokers = { near: { deadLetters: true }, far: { maxPayloadBytes: 1000 } }
    const { near, far, device, run, events } = stage(brokers)
    await run({ maps: PLANT, deadLetters: deadLetters() })
    await device.send('plant/1', LARGE)
    await device.send('plant/1', objectOf(2))
    await expect.poll(() => numbersAt(far)).toEqual([2])
    await near.idle()
    expect(near.rejected).toMatchObject([{ reason: expect.stringContaining('the limit is 1000') }])
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'refused', resort: 'rejected', address: 'plant/1' }),
    )
  })

  it('goes to the dead letters where the source has none', async () => {
    const { near, far, device, run, events } = stage({ far: { maxPayloadBytes: 1000 } })
    const letters = deadLetters()
    const running = await run({ maps: PLANT, deadLetters: letters })
    await device.send('plant/1', LARGE)
    await device.send('plant/1', objectOf(2))
    await expect.poll(() => numbersAt(far)).toEqual([2])
    await near.idle()
    expect(letters.items).toEqual([LARGE])
    expect(events).toMatchObject([
      { type: 'refused', resort: 'dead-letter', byteCount: LARGE.length, side: 'from' },
    ])
    expect(running.counters.there.data).toMatchObject({ refused: 1, messages: 1, waiting: 0 })
  })

  it('is gone where there is neither, and that is told', async () => {
    const { near, far, device, run, events } = stage({ far: { maxPayloadBytes: 1000 } })
    await run({ maps: PLANT })
    await device.send('plant/1', LARGE)
    await device.send('plant/1', objectOf(2))
    await expect.poll(() => numbersAt(far)).toEqual([2])
    await near.idle()
    expect(events).toMatchObject([{ type: 'refused', resort: 'dropped' }])
  })

  it('stays with the source while the dead letters fail, and goes there when they do not', async () => {
    const { far, device, run, events } = stage({ far: { maxPayloadBytes: 1000 } })
    const letters = deadLetters()
    let isFull = true
    const append = (item: Uint8Array): Promise<void> =>
      isFull ? Promise.reject(new Error('ENOSPC')) : letters.append(item)
    const running = await run({ maps: PLANT, deadLetters: { append } })
    await device.send('plant/1', LARGE)
    await device.send('plant/1', objectOf(2))
    await expect.poll(() => numbersAt(far)).toEqual([2])
    await expect
      .poll(() => events)
      .toContainEqual({
        type: 'error',
        side: 'to',
        error: new Error('the dead letters cannot be written: ENOSPC'),
      })
    expect(running.counters.there.data.refused).toBe(0)
    isFull = false
    await expect.poll(() => letters.items).toEqual([LARGE])
    expect(running.counters.there.data.refused).toBe(1)
  })

  it.each<readonly [string, Error]>([
    ['an address that it cannot have', new TypeError('address')],
    ['a packet over its limit', new WaxwingError('ERR_LIMIT', '', { rule: 'maximumPacketSize' })],
    ['what it has no way to say', new WaxwingError('ERR_UNSUPPORTED', '')],
    ...['max_payload', 'max_msg_size', 'max-message-size', 'address'].map(
      (rule) => [rule, new WaxwingError('ERR_LIMIT', '', { rule })] as const,
    ),
  ])('may be %s', async (_, error) => {
    const { toFar, far, device, run, events } = stage()
    const send = toFar.send.bind(toFar)
    toFar.send = (address, payload, options) =>
      numberOf(payload) === 3 ? Promise.reject(error) : send(address, payload, options)
    await run({ maps: PLANT })
    for (let i = 0; i < 6; i++) await device.send('plant/1', objectOf(i))
    await expect.poll(() => numbersAt(far)).toEqual([0, 1, 2, 4, 5])
    await expect.poll(() => events).toMatchObject([{ type: 'refused', error }])
  })

  it('may be a control message that is too large, and no other waits for it', async () => {
    const { near, device, run, events, far } = stage({
      far: { maxPayloadBytes: controlOf(1).length },
    })
    const letters = deadLetters()
    const append = async (item: Uint8Array): Promise<void> => void letters.items.push(item)
    const running = await run({ deadLetters: { append } })
    const large = controlOf(70_000) // its number takes more bytes
    await device.send(INBOX, large)
    await device.send(INBOX, controlOf(2))
    await expect.poll(() => far.carried.map(({ payload }) => payload)).toEqual([controlOf(2)])
    await near.idle()
    expect(letters.items).toEqual([large])
    expect(running.counters.there.control).toMatchObject({ refused: 1, messages: 1 })
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'refused', kind: 'control', address: INBOX }),
    )
  })

  it('may be an address that no map leads to', async () => {
    const { far, device, run, events } = stage()
    await run({ maps: [{ from: 'x/#', to: '#' }] })
    await device.send('x/waxwing/v1/inbox/somebody', objectOf(1))
    await device.send('x/1', objectOf(2))
    await expect.poll(() => addressesAt(far)).toEqual(['1'])
    await expect.poll(() => events).toMatchObject([{ type: 'refused', resort: 'dropped' }])
  })
})

describe('what the target refuses for now', () => {
  it.each([
    new WaxwingError('ERR_TRANSPORT', 'quota exceeded'),
    new WaxwingError('ERR_LIMIT', 'too many wait', { rule: 'maxWaitingSends' }),
    new Error('nobody knows'),
  ])('is sent again until it is taken: %s', async (error) => {
    const { toFar, far, device, run, events } = stage()
    const send = toFar.send.bind(toFar)
    let failures = 0
    toFar.send = async (address, payload, options) => {
      if (failures++ < 5) throw error
      await send(address, payload, options)
    }
    const running = await run({ maps: PLANT, window: 1 })
    for (let i = 0; i < 4; i++) await device.send('plant/1', objectOf(i))
    await expect.poll(() => numbersAt(far)).toEqual([0, 1, 2, 3])
    expect(events.filter(({ type }) => type === 'retry')).toHaveLength(5)
    expect(running.counters.there.data).toMatchObject({ retries: 5, refused: 0, messages: 4 })
  })

  it('is sent again in order, one at a time until the target takes something', async () => {
    const { toFar, far, device, run } = stage()
    const send = toFar.send.bind(toFar)
    const attempts: number[] = []
    toFar.send = async (address, payload, options) => {
      const attempt = attempts.push(numberOf(payload))
      await new Promise((resolve) => setImmediate(resolve))
      if (attempt <= 11) throw new WaxwingError('ERR_TRANSPORT', 'not now')
      await send(address, payload, options)
    }
    await run({ maps: PLANT, window: 8 })
    for (let i = 0; i < 20; i++) await device.send('plant/1', objectOf(i))
    const all = Array.from({ length: 20 }, (_, i) => i)
    await expect.poll(() => numbersAt(far)).toEqual(all)
    expect(attempts).toEqual([...all.slice(0, 8), 0, 0, 0, ...all])
  })

  it('holds up no other address', async () => {
    const { far, device, run } = stage()
    far.faults.always('plant/denied', { kind: 'refuse' })
    const running = await run({ maps: PLANT })
    await device.send('plant/denied', objectOf(0))
    for (let i = 1; i < 50; i++) await device.send('plant/1', objectOf(i))
    await expect.poll(() => running.counters.there.data.messages).toBe(49)
    far.faults.clear()
    await expect.poll(() => running.counters.there.data.messages).toBe(50)
  })

  it('ends the bridge’s work where the target was closed, and loses nothing', async () => {
    const { near, toFar, device, run, events } = stage()
    const running = await run({ maps: PLANT, closeTimeoutMs: 60_000 })
    await toFar.close()
    await device.send('plant/1', objectOf(1))
    await expect
      .poll(() => events)
      .toMatchObject([
        { type: 'connection' },
        { type: 'error', side: 'to', error: { code: 'ERR_CLOSED' } },
      ])
    await running.close({ keepSubscriptions: true })
    const again = memoryTransport(near, { clientId: 'near side' })
    const waiting: number[] = []
    await again.subscribe('plant/#', async ({ payload }) => void waiting.push(numberOf(payload)))
    await expect.poll(() => waiting).toEqual([1])
    await again.close()
  })
})

describe('what is not of Waxwing', () => {
  it('does not cross, neither as data nor as control', async () => {
    const { near, far, device, run, events } = stage()
    const letters = deadLetters()
    const running = await run({ maps: PLANT, deadLetters: letters })
    await device.send('plant/1', TEXT)
    await device.send('plant/1', new Uint8Array())
    await device.send('plant/1', controlOf(1))
    await device.send('plant/1', Uint8Array.of(0xd0, 0x83, 0x40, 0xa0, 0x40))
    await device.send(INBOX, objectOf(1))
    await device.send(INBOX, utf8('is this kept?'))
    await device.send(INBOX, Uint8Array.of(0x82, 0x80, 0xf6))
    await device.send('plant/1', objectOf(2))
    await expect.poll(() => numbersAt(far)).toEqual([2])
    await expect
      .poll(() => running.counters.there)
      .toMatchObject({
        data: { foreign: 4 },
        control: { foreign: 3 },
      })
    await near.idle()
    expect(letters.items).toEqual([])
    expect(events.map(({ type }) => type)).toEqual(Array.from({ length: 7 }, () => 'foreign'))
  })

  it('is not what is packed, which nobody can open here: as control it crosses', async () => {
    const { far, device, run } = stage()
    await run({ maps: PLANT })
    const packed = packMessage(nodeProvider, controlOf(1))
    expect(isPackedMessage(packed)).toBe(true)
    await device.send(INBOX, packed)
    await expect.poll(() => far.carried.map(({ payload }) => payload)).toEqual([packed])
  })

  it('crosses as data on request, but never as control', async () => {
    const { far, device, run } = stage()
    const running = await run({ maps: PLANT, any: true })
    await device.send(INBOX, TEXT)
    await device.send('plant/1', TEXT)
    await expect.poll(() => far.carried.map(({ payload }) => payload)).toEqual([TEXT])
    expect(running.counters.there.control.foreign).toBe(1)
  })

  it('goes back where the source has a place for it', async () => {
    const { near, device, run, events } = stage({ near: { deadLetters: true } })
    await run({ maps: PLANT })
    await device.send('plant/1', TEXT)
    await expect
      .poll(() => near.rejected)
      .toMatchObject([{ reason: expect.stringContaining('object') }])
    await expect.poll(() => events).toMatchObject([{ type: 'foreign', resort: 'rejected' }])
  })
})
