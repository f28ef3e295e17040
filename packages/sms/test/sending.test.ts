// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { memoryStore } from '@waxwing/client'
import { inboxAddress, requestAddress, toBase64Url, toHex, trustAddress } from '@waxwing/core'
import type { Receipt } from '@waxwing/sms'
import { expectReceived, MessageLog, type Submitted } from '@waxwing/testkit'
import { centreFor, dataOf, errorsOf, FAR, NEAR, transportAt } from './support/stage.ts'

const THROTTLED = 0x58
const QUEUE_FULL = 0x14
const SEGMENTED = dataOf(1_000)
const KID = new Uint8Array(8).fill(3)
const referenceOf = ({ message }: Submitted): string => toHex(message.subarray(3, 5))

describe('a message', () => {
  it('is one SMS of bytes, or segments with a header, between numbers', async () => {
    const centre = await centreFor()
    const transport = transportAt(centre, NEAR)
    await transport.send(`sms/${FAR}`, dataOf(140))
    await transport.send(`sms/${FAR}`, dataOf(141))
    expect(centre.taken).toMatchObject([
      { from: NEAR, to: FAR, esmClass: 0, dataCoding: 4, wantsReceipt: false, isPayload: false },
      { esmClass: 0x40, dataCoding: 4 },
      { esmClass: 0x40, dataCoding: 4 },
    ])
    expect(toHex(centre.taken[0]!.message)).toBe(toHex(dataOf(140)))
    expect(toHex(centre.taken[1]!.message)).toMatch(/^060804....0201d0/)
    expect(centre.taken.map(({ message }) => message.length)).toEqual([140, 140, 15])
    expect(transport.counts.sentSegments).toBe(3)
  })

  it('has another reference than the last, and after a restart another than before', async () => {
    const [centre, store] = [await centreFor(), memoryStore()]
    for (let run = 0; run < 3; run++) {
      const transport = transportAt(centre, NEAR, { store, concatenation: '8-bit' })
      for (let i = 0; i < 3; i++) await transport.send(`sms/${FAR}`, dataOf(200, run * 3 + i))
      await transport.close()
    }
    const references = new Set(centre.taken.map(({ message }) => message[3]))
    expect(references.size).toBe(9)
  })

  it('goes in one piece to a centre that splits by itself', async () => {
    const centre = await centreFor({ splits: true })
    const transport = transportAt(centre, NEAR, { concatenation: 'message-payload' })
    const [receiver, log] = [transportAt(centre, FAR), new MessageLog()]
    await receiver.subscribe('sms/#', log.acknowledge)
    const most = transport.limits.maxPayloadBytes
    await transport.send(`sms/${FAR}`, SEGMENTED)
    await transport.send(`sms/${FAR}`, dataOf(most))
    await expectReceived(log, SEGMENTED, dataOf(most))
    expect(centre.taken.map(({ isPayload }) => isPayload)).toEqual([true, true])
    expect(receiver.counts.receivedSegments).toBe(8 + 255)
  })

  it('goes as text where only text gets through, to whichever number that is', async () => {
    const centre = await centreFor({ splits: true })
    const transport = transportAt(centre, NEAR, {
      coding: (number) => (number === FAR ? 'text' : 'binary'),
      concatenation: '8-bit',
    })
    const [receiver, log] = [transportAt(centre, FAR), new MessageLog()]
    await receiver.subscribe('sms/#', log.acknowledge)
    const most = transport.limits.maxPayloadBytes
    for (const payload of [dataOf(126), SEGMENTED, dataOf(most)]) {
      await transport.send(`sms/${FAR}`, payload)
      await expectReceived(log, payload)
    }
    await transport.send('sms/491', dataOf(126))
    expect(centre.taken[0]).toMatchObject({ dataCoding: 0, esmClass: 0 })
    expect(centre.taken.at(-1)).toMatchObject({ dataCoding: 4 })
  })

  it('goes as text through a centre that splits, in characters of ASCII', async () => {
    const centre = await centreFor({ splits: true })
    const options = { coding: 'text', alphabet: 'ascii', concatenation: 'message-payload' } as const
    const transport = transportAt(centre, NEAR, options)
    const [receiver, log] = [transportAt(centre, FAR), new MessageLog()]
    await receiver.subscribe('sms/#', log.acknowledge)
    await transport.send(`sms/${FAR}`, SEGMENTED)
    await expectReceived(log, SEGMENTED)
  })

  it('may end before it is delivered', async () => {
    const centre = await centreFor()
    const transport = transportAt(centre, NEAR)
    await transport.send(`sms/${FAR}`, dataOf(3), { expiresAfterSeconds: 90_061 })
    await transport.send(`sms/${FAR}`, dataOf(3), { expiresAfterSeconds: 0xffff_ffff })
    expect(centre.taken.map(({ validityPeriod }) => validityPeriod)).toEqual([
      '000001010101000R',
      '001204000000000R',
    ])
  })

  it('has no properties, and is not longer than its limit', async () => {
    const centre = await centreFor()
    const transport = transportAt(centre, NEAR, { maxSegments: 4 })
    const { maxPayloadBytes } = transport.limits
    expect(transport.limits).toMatchObject({ properties: false, costly: true, answerSeconds: 300 })
    const properties = { a: 'b' }
    await expect(transport.send(`sms/${FAR}`, dataOf(3), { properties })).rejects.toMatchObject({
      code: 'ERR_UNSUPPORTED',
    })
    await expect(transport.send(`sms/${FAR}`, dataOf(maxPayloadBytes + 1))).rejects.toThrow(
      RangeError,
    )
    await transport.send(inboxAddress(new Uint8Array(32)), dataOf(3)).catch(() => undefined)
    await transport.send(`sms/${FAR}`, dataOf(maxPayloadBytes))
    expect(centre.taken).toHaveLength(4)
  })
})

describe('addresses', () => {
  const principal = new Uint8Array(32).fill(7)
  const inbox = inboxAddress(principal)

  it('that stand for nobody are refused, and told how to configure them', async () => {
    const transport = transportAt(await centreFor(), NEAR)
    const refused = async (address: string, message: RegExp): Promise<void> => {
      const failure = { code: 'ERR_TRANSPORT', message: expect.stringMatching(message) }
      await expect(transport.send(address, dataOf(3))).rejects.toMatchObject(failure)
    }
    await refused(inbox, /set numbers for that principal, or routes/)
    await refused(requestAddress(new Uint8Array(8)), /set routes/)
    await refused(trustAddress(principal), /set routes/)
    await refused('plant/1', /set routes/)
    await refused('sms/Waxwing', /no number that can be written to/)
  })

  it('go to the numbers that are configured for them', async () => {
    const centre = await centreFor()
    const transport = transportAt(centre, NEAR, {
      numbers: { [toBase64Url(principal)]: '+491' + '1'.repeat(9) },
      routes: { 'plant/#': ['+4922222222', '4933333333'], '#': '4944444444' },
    })
    const numbersFor = async (address: string): Promise<string[]> => {
      const before = centre.taken.length
      await transport.send(address, dataOf(3))
      return centre.taken.slice(before).map(({ to }) => to)
    }
    expect(await numbersFor('plant/1')).toEqual(['4922222222', '4933333333', '4944444444'])
    expect(await numbersFor('other')).toEqual(['4944444444'])
    expect(await numbersFor(inbox)).toEqual(['491111111111'])
    expect(await numbersFor(trustAddress(principal))).toEqual(['4944444444'])
    expect(await numbersFor('sms/4955555555')).toEqual(['4955555555'])
  })

  it('of whoever wrote are learned, and outlive the process where there is a store', async () => {
    const centre = await centreFor()
    const store = memoryStore()
    const sender = transportAt(centre, FAR, { routes: { '#': NEAR } })
    const own = inboxAddress(new Uint8Array(32).fill(8))
    await sender.subscribe(own, new MessageLog().acknowledge)
    for (const run of [1, 2]) {
      const transport = transportAt(centre, NEAR, { store })
      const log = new MessageLog()
      await transport.subscribe(inbox, log.acknowledge)
      if (run === 1) {
        await sender.send(inbox, dataOf(3))
        // Sent to whoever has the number: it stands there for whom it is.
        await log.at(0)
      }
      await transport.send(own, dataOf(5))
      await transport.close()
    }
    expect(centre.taken.map(({ to }) => to)).toEqual([NEAR, FAR, FAR])
    expect(centre.taken[0]!.message[0]).toBe(0x43)
    expect(toHex(centre.taken[1]!.message)).toMatch(/^400707070707070707d0/)
  })
})

describe('a centre that is too busy', () => {
  it.each([THROTTLED, QUEUE_FULL])(
    'with %i is given time, told of once, and gets all of it',
    async (status) => {
      const centre = await centreFor()
      let refusals = 0
      centre.onSubmit = () => (refusals < 12 && ++refusals > 0 ? status : undefined)
      const transport = transportAt(centre, NEAR, { maxInFlight: 4 })
      const errors = errorsOf(transport)
      const payloads = Array.from({ length: 10 }, (_, i) => dataOf(200, i))
      await Promise.all(payloads.map((payload) => transport.send(`sms/${FAR}`, payload)))
      expect(centre.taken).toHaveLength(20)
      expect(errors).toHaveLength(1)
      expect(errors[0]).toMatchObject({ code: 'ERR_TRANSPORT' })
    },
  )

  it('is never asked for more at once than agreed', async () => {
    const centre = await centreFor()
    let most = 0
    let open = 0
    centre.onSubmit = () => {
      most = Math.max(most, ++open)
      queueMicrotask(() => open--)
      return undefined
    }
    const transport = transportAt(centre, NEAR, { maxInFlight: 3 })
    await transport.send(`sms/${FAR}`, dataOf(5_000))
    expect(centre.taken).toHaveLength(38)
    expect(most).toBeLessThanOrEqual(3)
  })

  it('with an error of the moment is tried again, and not for ever', async () => {
    const centre = await centreFor()
    let attempts = 0
    centre.onSubmit = ({ message }) => {
      if (message[1] === 0xbb) return 0x08
      return ++attempts < 4 ? 0x64 : undefined
    }
    const transport = transportAt(centre, NEAR)
    await transport.send(`sms/${FAR}`, Uint8Array.of(0xd0, 0xaa))
    expect(attempts).toBe(4)
    const failure = { code: 'ERR_TRANSPORT', message: expect.stringContaining('ESME_RSYSERR') }
    const sending = transport.send(`sms/${FAR}`, Uint8Array.of(0xd0, 0xbb))
    await expect(sending).rejects.toMatchObject(failure)
  })
})

describe('control messages', () => {
  it('are sent before data that wait, and in spite of too many of them', async () => {
    const centre = await centreFor()
    let isBusy = true
    centre.onSubmit = () => (isBusy ? THROTTLED : undefined)
    const options = { routes: { '#': FAR }, maxInFlight: 1, maxWaitingSends: 20 }
    const transport = transportAt(centre, NEAR, options)
    const errors = errorsOf(transport)
    const data = Array.from({ length: 20 }, (_, i) => transport.send(`sms/${FAR}`, dataOf(400, i)))
    await expect.poll(() => errors).toHaveLength(1)
    const control = [1, 2].map((seed) => transport.send(requestAddress(KID), dataOf(100, seed)))
    isBusy = false
    await Promise.all(control)
    const kinds = centre.taken.map(({ message }) => (message[0] === 0x49 ? 'control' : 'data'))
    expect(kinds.slice(0, 3).filter((kind) => kind === 'control')).toHaveLength(2)
    expect(toHex(centre.taken.find(({ message }) => message[0] === 0x49)!.message)).toContain(
      toHex(dataOf(100, 1)),
    )
    await Promise.all(data)
  })
})

describe('a message that is refused', () => {
  it('fails alone, with the name of the status', async () => {
    const centre = await centreFor()
    centre.onSubmit = ({ to }) => (to === '4912345' ? 0x0b : undefined)
    const transport = transportAt(centre, NEAR)
    const sends = [
      transport.send(`sms/${FAR}`, SEGMENTED),
      transport.send('sms/4912345', SEGMENTED),
      transport.send(`sms/${FAR}`, dataOf(5)),
    ]
    const results = await Promise.allSettled(sends)
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(results[1]).toMatchObject({
      reason: { code: 'ERR_TRANSPORT', message: expect.stringContaining('ESME_RINVDSTADR') },
    })
  })
})

describe('a message to several numbers', () => {
  const routes = { 'plant/#': ['4912345', FAR] }

  it('gets to those that the centre takes it for, and tells of the others', async () => {
    const centre = await centreFor()
    centre.onSubmit = ({ to }) => (to === '4912345' ? 0x0b : undefined)
    const transport = transportAt(centre, NEAR, { routes, maxInFlight: 1 })
    const [receiver, log] = [transportAt(centre, FAR), new MessageLog()]
    await receiver.subscribe('sms/#', log.acknowledge)
    const errors = errorsOf(transport)
    await transport.send('plant/1', SEGMENTED)
    await expectReceived(log, SEGMENTED)
    const message = expect.stringMatching(/4912345.*ESME_RINVDSTADR/)
    expect(errors).toMatchObject([{ code: 'ERR_TRANSPORT', message }])
  })

  it('fails where it is refused for all of them', async () => {
    const centre = await centreFor()
    centre.onSubmit = () => 0x0b
    const transport = transportAt(centre, NEAR, { routes })
    const failure = { code: 'ERR_TRANSPORT', message: expect.stringContaining('ESME_RINVDSTADR') }
    await expect(transport.send('plant/1', SEGMENTED)).rejects.toMatchObject(failure)
  })

  it('is sent again to those alone that have not all of it, when the connection broke', async () => {
    const centre = await centreFor()
    let count = 0
    centre.onSubmit = ({ to }) => {
      if (to === '4912345') return 0x0b
      return ++count % 2 === 0 ? 'cut' : undefined
    }
    const transport = transportAt(centre, NEAR, { routes, maxInFlight: 1 })
    const errors = errorsOf(transport)
    await transport.send('plant/1', SEGMENTED)
    expect(centre.taken).toHaveLength(8)
    const refusals = errors.filter((error) => String(error).includes('ESME_RINVDSTADR'))
    expect(refusals).toHaveLength(1)
  })
})

describe('a connection that breaks while segments are sent', () => {
  it.each(['cut', 'take-and-cut'] as const)(
    'by %s has those sent again that were not taken, under the same reference',
    async (verdict) => {
      const centre = await centreFor()
      let count = 0
      centre.onSubmit = () => (++count === 4 ? verdict : undefined)
      const transport = transportAt(centre, NEAR, { maxInFlight: 2 })
      const [receiver, log] = [transportAt(centre, FAR), new MessageLog()]
      await receiver.subscribe('sms/#', log.acknowledge)
      await transport.send(`sms/${FAR}`, SEGMENTED)
      await expectReceived(log, SEGMENTED)
      expect(new Set(centre.taken.map(referenceOf)).size).toBe(1)
      // What was taken while the connection broke may have been answered in vain.
      expect(centre.taken.length).toBeLessThanOrEqual(8 + 2)
      expect(log.messages).toHaveLength(1)
    },
  )

  it('again and again is no hindrance: each time more is there', async () => {
    const centre = await centreFor()
    let count = 0
    centre.onSubmit = () => (++count % 3 === 0 ? 'cut' : undefined)
    const transport = transportAt(centre, NEAR, { maxInFlight: 1 })
    await transport.send(`sms/${FAR}`, SEGMENTED)
    expect(centre.taken).toHaveLength(8)
  })

  it('whenever something is sent is made with pauses that grow, since each time is paid for', async () => {
    const centre = await centreFor()
    const times: number[] = []
    centre.onSubmit = () => {
      times.push(performance.now())
      return times.length < 6 ? 'take-and-cut' : undefined
    }
    const transport = transportAt(centre, NEAR, { reconnectMinMs: 10, reconnectMaxMs: 60_000 })
    await transport.send(`sms/${FAR}`, dataOf(5))
    const pauses = times.slice(1).map((time, i) => time - times[i]!)
    for (const [i, pause] of pauses.entries()) expect(pause).toBeGreaterThan(4 * 2 ** i)
    const before = times.length
    centre.cut() // it was of use
    await transport.send(`sms/${FAR}`, dataOf(6))
    expect(times).toHaveLength(before + 1)
  })

  it('has a submission that is never answered sent again', async () => {
    const centre = await centreFor()
    let count = 0
    centre.onSubmit = () => (++count === 2 ? 'ignore' : undefined)
    const transport = transportAt(centre, NEAR, { answerTimeoutMs: 50 })
    await transport.send(`sms/${FAR}`, dataOf(300))
    expect(new Set(centre.taken.map(referenceOf)).size).toBe(1)
  })
})

describe('receipts', () => {
  it.each(['text', 'tags'] as const)(
    'in %s tell what became of what was sent',
    async (receipts) => {
      const centre = await centreFor({ receipts })
      const got: Receipt[] = []
      const transport = transportAt(centre, NEAR, { onReceipt: (receipt) => got.push(receipt) })
      const log = new MessageLog()
      await transport.subscribe('#', log.acknowledge)
      await transport.send(`sms/${FAR}`, dataOf(200))
      await expect.poll(() => got).toHaveLength(2)
      const [address, state, number] = [`sms/${FAR}`, 'delivered', FAR]
      expect(got).toMatchObject([
        { address, state, number },
        { address, state, number },
      ])
      expect(transport.counts.receipts).toEqual({ delivered: 2 })
      expect(log.messages).toEqual([])
    },
  )

  it('are no messages, whatever they say, and a listener that throws harms nothing', async () => {
    const centre = await centreFor()
    const transport = transportAt(centre, NEAR, {
      onReceipt: () => {
        throw new Error('a bug')
      },
    })
    const [errors, log] = [errorsOf(transport), new MessageLog()]
    await transport.subscribe('sms/#', log.acknowledge)
    const said = ['', 'id: stat:', 'id:7 stat:HMMM', 'id:7 stat:UNDELIV', '\0\xff'.repeat(60)]
    for (const text of said) {
      for (const esmClass of [0x04, 0x08, 0x20]) {
        const message = Buffer.from(text, 'latin1')
        centre.deliver({ from: FAR, to: NEAR, esmClass, dataCoding: 0, message })
      }
    }
    centre.deliver({ from: FAR, to: NEAR, esmClass: 0, dataCoding: 4, message: dataOf(5) })
    await expectReceived(log, dataOf(5))
    expect(log.messages).toHaveLength(1)
    await expect.poll(() => transport.counts.receipts).toEqual({ undeliverable: 3 })
    expect(errors).toMatchObject([1, 2, 3].map(() => ({ message: 'a bug' })))
    expect(centre.answers.every((status) => status === 0)).toBe(true)
  })
})
