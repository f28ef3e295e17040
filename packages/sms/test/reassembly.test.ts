// SPDX-License-Identifier: Apache-2.0
/** Segments and messages: what is split comes together, in whatever order, within bounds. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { memoryStore } from '@waxwing/client'
import { toHex, type Store } from '@waxwing/core'
import { decodeArmour } from '../src/text/armour.js'
import { COMPLETED_TABLE } from '../src/receiving/completed.js'
import { PARTS_TABLE } from '../src/receiving/kept-part.js'
import { partOf, type Part, type Place } from '../src/receiving/parts.js'
import type { DeliverSm } from '../src/smpp/pdu.js'
import {
  Reassembly,
  single,
  type ReassemblyTerms,
  type Whole,
} from '../src/receiving/reassembly.js'
import { capacityOf, segmentsOf, type Segment, type SegmentTerms } from '../src/sending/segments.js'

type Placed = Part & { readonly place: Place }

const TERMS: SegmentTerms = { coding: 'binary', alphabet: 'gsm', concatenation: '16-bit' }
const terms = fc.record({
  coding: fc.constantFrom('binary' as const, 'text' as const),
  alphabet: fc.constantFrom('gsm' as const, 'ascii' as const),
  concatenation: fc.constantFrom('8-bit' as const, '16-bit' as const),
})

function received({ esmClass, dataCoding, message }: Segment, source = '49151'): Part {
  const address = { ton: 1, npi: 1, digits: source }
  const deliver: DeliverSm = {
    source: address,
    destination: address,
    esmClass,
    dataCoding,
    message,
    tags: new Map(),
  }
  return partOf(deliver)
}

function partsOf(letter: Uint8Array, reference: number, source?: string): Placed[] {
  return segmentsOf(letter, () => reference, TERMS).map(
    (segment) => received(segment, source) as Placed,
  )
}

function opened(options: Partial<ReassemblyTerms> = {}): Promise<{
  reassembly: Reassembly
  wholes: readonly Whole[]
}> {
  return Reassembly.open({
    store: undefined,
    maxIncomplete: 256,
    maxIncompleteBytes: 4 * 1024 * 1024,
    incompleteSeconds: 86_400,
    nowMs: () => 0,
    report: () => undefined,
    ...options,
  })
}

function bytesOf({ isText, bytes }: Whole): Uint8Array {
  return isText ? decodeArmour(new TextDecoder().decode(bytes)) : bytes
}

const letterOf = (length: number, seed: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 7 + seed) & 0xff)

describe('segments', () => {
  it('are one message up to 140 bytes or 160 characters, and the fewest after that', () => {
    const counts = (length: number, options: Partial<SegmentTerms>): number =>
      segmentsOf(new Uint8Array(length), () => 1, { ...TERMS, ...options }).length
    expect(counts(140, {})).toBe(1)
    expect(counts(141, {})).toBe(2)
    expect(counts(133 * 2, {})).toBe(2)
    expect(counts(133 * 2 + 1, {})).toBe(3)
    expect(counts(134 * 2, { concatenation: '8-bit' })).toBe(2)
    expect(counts(126, { coding: 'text' })).toBe(1)
    expect(counts(127, { coding: 'text' })).toBe(2)
    expect(counts(133 * 255, {})).toBe(255)
  })

  it('hold what their capacity says, and not a byte more', () => {
    fc.assert(
      fc.property(terms, fc.integer({ min: 4, max: 40 }), (each, count) => {
        const most = capacityOf(count, each)
        const countOf = (length: number): number =>
          segmentsOf(new Uint8Array(length), () => 1, each).length
        expect(countOf(most)).toBe(count)
        expect(countOf(most + 1)).toBe(count + 1)
      }),
    )
  })

  it('are never longer than an SMS', () => {
    fc.assert(
      fc.property(terms, fc.integer({ min: 0, max: 3_000 }), (each, length) => {
        for (const segment of segmentsOf(letterOf(length, 3), () => 0xabcd, each)) {
          const { message, dataCoding, esmClass } = segment
          const header = esmClass === 0x40 ? 1 + (message[0] ?? 0) : 0
          const units = message.length - header
          const septets = Math.ceil((header * 8) / 7) + units
          if (dataCoding === 0) expect(septets).toBeLessThanOrEqual(160)
          else expect(message.length).toBeLessThanOrEqual(140)
        }
      }),
    )
  })

  it('come together in any order, repeated, and between those of others', async () => {
    const letter = fc.record({
      length: fc.integer({ min: 141, max: 2_000 }),
      reference: fc.nat(0xffff),
      each: terms,
      source: fc.constantFrom('491', '492'),
    })
    const key = (one: { reference: number; source: string }): string =>
      `${one.reference & 0xff} ${one.source}`
    const letters = fc.uniqueArray(letter, { minLength: 1, maxLength: 4, selector: key })
    const order = fc.infiniteStream(fc.double({ noNaN: true, min: 0, max: 1 }))
    await fc.assert(
      fc.asyncProperty(letters, order, async (all, random) => {
        const wanted = all.map(({ length, reference }) => toHex(letterOf(length, reference)))
        const parts = all.flatMap(({ length, reference, each, source }) =>
          segmentsOf(letterOf(length, reference), () => reference, each).map((segment) =>
            received(segment, source),
          ),
        )
        const twice = [...parts, ...parts]
          .map((part) => ({ part, place: random.next().value as number }))
          .toSorted((a, b) => a.place - b.place)
        const { reassembly } = await opened()
        const found: string[] = []
        for (const { part } of twice) {
          const whole =
            part.place === undefined ? single(part) : await reassembly.add(part as Placed)
          if (whole !== undefined) found.push(toHex(bytesOf(whole)))
        }
        expect(new Set(found)).toEqual(new Set(wanted))
        // Single ones come as often as they came; what is put together comes once.
        const singles = parts.filter(({ place }) => place === undefined).length
        expect(found).toHaveLength(wanted.length + singles)
        expect([reassembly.size, reassembly.byteCount]).toEqual([0, 0])
      }),
      { numRuns: 150 },
    )
  })
})

describe('a header', () => {
  const read = (hex: string): Part =>
    received({
      esmClass: 0x40,
      dataCoding: 4,
      message: Buffer.from(hex.replaceAll(' ', ''), 'hex'),
    })

  it('may have other elements, before and after', () => {
    const part = read('0b 05040b8423f0 0003070201 aa')
    expect(part.place).toEqual({ width: 8, reference: 7, total: 2, number: 1 })
    expect(toHex(part.bytes)).toBe('aa')
  })

  it.each([
    ['of no segments', '0500030700 01aa'],
    ['of one segment', '050003070101aa'],
    ['of a segment 0', '050003070200aa'],
    ['of a segment beyond the last', '050003070203aa'],
    ['of another length', '0400020702aa'],
  ])('that speaks %s is left alone', (_what, hex) => {
    expect(read(hex)).toMatchObject({ place: undefined, bytes: Uint8Array.of(0xaa) })
  })

  it.each(['', '05', '0500030702', '020003aa', '0100', '05000407020100'])(
    'of %s is refused',
    (hex) => {
      expect(() => read(hex)).toThrow(/user data header/)
    },
  )

  it('may stand in optional parameters instead', () => {
    const address = { ton: 1, npi: 1, digits: '49' }
    const tags = new Map([
      [0x020c, Uint8Array.of(1, 2)],
      [0x020e, Uint8Array.of(3)],
      [0x020f, Uint8Array.of(2)],
    ])
    const message = Uint8Array.of(1)
    const fields = { source: address, destination: address, esmClass: 0, dataCoding: 4 }
    const { place } = partOf({ ...fields, message, tags })
    expect(place).toEqual({ width: 16, reference: 0x0102, total: 3, number: 2 })
  })
})

describe('incomplete messages', () => {
  it('are given up when they are too old by a clock that never goes back, and not by the date', async () => {
    let nowMs = 1_000
    const reports: unknown[] = []
    const { reassembly } = await opened({
      incompleteSeconds: 60,
      nowMs: () => nowMs,
      report: (error) => reports.push(error),
    })
    const [first, second] = partsOf(letterOf(200, 1), 7)
    const realNow = Date.now
    try {
      Date.now = () => realNow() + 100 * 365 * 86_400_000
      await reassembly.add(first!)
      Date.now = () => 0
      reassembly.expire()
      nowMs += 59_999
      reassembly.expire()
      expect(reassembly.size).toBe(1)
      nowMs += 1
      expect(await reassembly.add(second!)).toBeUndefined()
    } finally {
      Date.now = realNow
    }
    expect(reports).toMatchObject([{ code: 'ERR_LIMIT', details: { rule: 'incompleteSeconds' } }])
    expect(reassembly.size).toBe(1)
  })

  it('are bounded in number, and who begins many pushes out their own', async () => {
    const reports: { message: string }[] = []
    const { reassembly } = await opened({
      maxIncomplete: 10,
      report: (error) => reports.push(error as { message: string }),
    })
    const honest = partsOf(letterOf(200, 1), 7, '491')
    await reassembly.add(honest[0]!)
    for (let reference = 0; reference < 500; reference++) {
      await reassembly.add(partsOf(letterOf(200, reference), reference, '666')[0]!)
    }
    expect(reassembly.size).toBe(10)
    expect(reports).toHaveLength(491)
    expect(reports.every(({ message }) => message.includes('666'))).toBe(true)
    expect(toHex((await reassembly.add(honest[1]!))!.bytes)).toBe(toHex(letterOf(200, 1)))
  })

  it('of a crowd that begins one each push out no longer message of somebody else', async () => {
    const { reassembly } = await opened({ maxIncomplete: 10 })
    let count = 0
    const crowd = async (size: number): Promise<void> => {
      for (let i = 0; i < size; i++) {
        await reassembly.add(partsOf(letterOf(200, i), i, `666${count++}`)[0]!)
      }
    }
    await crowd(10)
    const wholes: (Whole | undefined)[] = []
    for (const part of partsOf(letterOf(700, 1), 7, '491')) {
      wholes.push(await reassembly.add(part))
      await crowd(3)
    }
    expect(toHex(wholes.at(-1)!.bytes)).toBe(toHex(letterOf(700, 1)))
  })

  it('are bounded in bytes', async () => {
    const { reassembly } = await opened({ maxIncompleteBytes: 20_000 })
    for (let reference = 0; reference < 300; reference++) {
      await reassembly.add(partsOf(letterOf(5_000, reference), reference)[0]!)
    }
    expect(reassembly.byteCount).toBeLessThanOrEqual(20_000)
    expect(reassembly.size).toBeGreaterThan(50)
  })

  it('give way to a later message under the same reference', async () => {
    const { reassembly } = await opened()
    const [before, after] = [partsOf(letterOf(200, 1), 7), partsOf(letterOf(200, 2), 7)]
    await reassembly.add(before[0]!)
    await reassembly.add(after[0]!)
    const whole = await reassembly.add(after[1]!)
    expect(toHex(whole!.bytes)).toBe(toHex(letterOf(200, 2)))
  })

  it('are given up before a reference of eight bits comes round, and then mixed with nothing', async () => {
    const reports: unknown[] = []
    const { reassembly } = await opened({ report: (error) => reports.push(error) })
    const short = { ...TERMS, concatenation: '8-bit' } as const
    const partsAt = (count: number): Placed[] =>
      segmentsOf(letterOf(200, count), () => count & 0xff, short).map((s) => received(s) as Placed)
    await reassembly.add(partsAt(0)[1]!) // its first segment is lost
    // Those of the second round are not only under the same references: they are the same.
    for (let count = 1; count < 600; count++) {
      const [first, second] = partsAt(count)
      expect(await reassembly.add(first!)).toBeUndefined()
      const whole = await reassembly.add(second!)
      expect(whole && toHex(whole.bytes)).toBe(toHex(letterOf(200, count)))
    }
    expect(reports).toMatchObject([{ details: { rule: 'reference' } }])
  })

  it('do not begin with a late copy of what was complete, and do with a new message', async () => {
    const { reassembly } = await opened()
    const [before, after] = [partsOf(letterOf(200, 1), 7), partsOf(letterOf(200, 2), 7)]
    for (const part of before) await reassembly.add(part)
    await reassembly.add(before[1]!)
    expect(reassembly.size).toBe(0)
    await reassembly.add(after[1]!)
    expect(toHex((await reassembly.add(after[0]!))!.bytes)).toBe(toHex(letterOf(200, 2)))
  })

  it('are complete again when the segment that was given back comes again', async () => {
    const { reassembly } = await opened()
    const parts = partsOf(letterOf(400, 1), 7)
    await reassembly.add(parts[2]!)
    await reassembly.add(parts[0]!)
    await reassembly.add(parts[3]!)
    const whole = await reassembly.add(parts[1]!)
    reassembly.putBack(whole!, whole!.last!)
    expect(await reassembly.add(parts[0]!)).toBeUndefined()
    expect(toHex((await reassembly.add(parts[1]!))!.bytes)).toBe(toHex(letterOf(400, 1)))
  })
})

/** Messages of two segments, each under a reference of its own. */
function manyOf(count: number): readonly (readonly Placed[])[] {
  return Array.from({ length: count }, (_, i) => partsOf(letterOf(200, i), 1_000 + i))
}

describe('a store', () => {
  const count = async (store: Store): Promise<number> => (await store.scan(PARTS_TABLE)).length

  it('has each segment when it is taken, through restarts, until the whole is forgotten', async () => {
    const store = memoryStore()
    const parts = partsOf(letterOf(500, 5), 9)
    for (const part of parts.slice(1)) {
      const { reassembly, wholes } = await opened({ store })
      expect(wholes).toEqual([])
      expect(await reassembly.add(part)).toBeUndefined()
    }
    const { reassembly } = await opened({ store })
    expect(reassembly.size).toBe(1)
    const whole = await reassembly.add(parts[0]!)
    expect(toHex(whole!.bytes)).toBe(toHex(letterOf(500, 5)))
    expect(await count(store)).toBe(parts.length)

    const again = await opened({ store })
    expect(again.wholes.map(({ bytes }) => toHex(bytes))).toEqual([toHex(letterOf(500, 5))])
    await again.reassembly.forget(again.wholes[0]!.keys)
    expect(await count(store)).toBe(0)
  })

  it('knows a late copy of what was complete, also after restarts, and does not grow by it', async () => {
    const store = memoryStore()
    const [before, after] = [partsOf(letterOf(200, 1), 7), partsOf(letterOf(200, 2), 7)]
    const first = await opened({ store })
    for (const part of [...manyOf(600), before].flat()) {
      const whole = await first.reassembly.add(part)
      if (whole !== undefined) await first.reassembly.forget(whole.keys)
    }
    for (let run = 0; run < 2; run++) {
      const { reassembly, wholes } = await opened({ store })
      expect(wholes).toEqual([])
      expect(await reassembly.add(before[1]!)).toBeUndefined()
      expect(reassembly.size).toBe(0)
      expect((await store.scan(COMPLETED_TABLE)).length).toBeLessThanOrEqual(512)
    }
    const { reassembly } = await opened({ store })
    expect(await reassembly.add(after[0]!)).toBeUndefined()
    expect(toHex((await reassembly.add(after[1]!))!.bytes)).toBe(toHex(letterOf(200, 2)))
  })

  it('with damaged records of what was complete says so, and goes on', async () => {
    const store = memoryStore()
    const key = '000000000000003'
    await store.write([{ table: COMPLETED_TABLE, key, value: Uint8Array.of(0x82, 1) }])
    const reports: unknown[] = []
    const { reassembly } = await opened({ store, report: (error) => reports.push(error) })
    expect(reports).toMatchObject([{ code: 'ERR_STORE_CORRUPT' }])
    for (const part of partsOf(letterOf(200, 1), 7)) await reassembly.add(part)
    expect(reassembly.size).toBe(0)
  })

  it('keeps what is whole in one piece as well', async () => {
    const store = memoryStore()
    const { reassembly } = await opened({ store })
    const part = received(segmentsOf(letterOf(100, 4), () => 1, TERMS)[0]!)
    const keys = await reassembly.keep(single(part))
    const { wholes } = await opened({ store })
    expect(wholes).toMatchObject([{ source: '49151', isText: false, keys }])
    expect(toHex(wholes[0]!.bytes)).toBe(toHex(letterOf(100, 4)))
  })

  it('lets go of what is given up', async () => {
    const store = memoryStore()
    const { reassembly } = await opened({ store, maxIncomplete: 3 })
    for (let reference = 0; reference < 30; reference++) {
      await reassembly.add(partsOf(letterOf(200, reference), reference)[0]!)
    }
    await reassembly.settled()
    expect(await count(store)).toBe(3)
  })

  it('that fails leaves a segment as good as not taken', async () => {
    const store = memoryStore()
    let isFull = false
    const full: Store = {
      ...store,
      get: (...args) => store.get(...args),
      scan: (...args) => store.scan(...args),
      write: (changes) => (isFull ? Promise.reject(new Error('full')) : store.write(changes)),
    }
    const { reassembly } = await opened({ store: full })
    const parts = partsOf(letterOf(400, 1), 7)
    await reassembly.add(parts[0]!)
    isFull = true
    await expect(reassembly.add(parts[1]!)).rejects.toThrow('full')
    isFull = false
    for (const part of [parts[2]!, parts[3]!]) expect(await reassembly.add(part)).toBeUndefined()
    isFull = true
    await expect(reassembly.add(parts[1]!)).rejects.toThrow('full')
    isFull = false
    expect(toHex((await reassembly.add(parts[1]!))!.bytes)).toBe(toHex(letterOf(400, 1)))
  })

  it('with damaged segments says so, and goes on with the others', async () => {
    const store = memoryStore()
    const { reassembly } = await opened({ store })
    const parts = partsOf(letterOf(200, 1), 7)
    await reassembly.add(parts[0]!)
    const noise = [Uint8Array.of(), Uint8Array.of(1, 0, 16, 0, 1, 2, 1, 200, 200), Uint8Array.of(9)]
    for (const [i, value] of noise.entries()) {
      await store.write([{ table: PARTS_TABLE, key: `00000000000001${i}.001`, value }])
    }
    const reports: unknown[] = []
    const again = await opened({ store, report: (error) => reports.push(error) })
    expect(reports).toHaveLength(3)
    expect(reports[0]).toMatchObject({ code: 'ERR_STORE_CORRUPT' })
    expect(await again.reassembly.add(parts[1]!)).toBeDefined()
  })
})
