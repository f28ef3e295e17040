// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { measureSeries } from '../src/measure.ts'
import { speeds, type PeerTable, type Speed } from '../src/peers-bench.ts'
import { peersPlot } from '../src/peers-plot.ts'
import { missedPeerAims, peersMarkdown } from '../src/peers-report.ts'
import { competitors, type CompetitorKind } from '../src/peers/competitors.ts'

const NAMES = ['slow bare', 'fast bare', 'ours', 'ours by 64', 'A & <B>']
const KINDS: readonly CompetitorKind[] = ['bare', 'bare', 'ours', 'ours-batched', 'peer']

/** Each as often per second as given, in every round. */
function tableOf(payloadBytes: number, signed: boolean, rates: readonly number[]): PeerTable {
  const terms = { payloadBytes, signed }
  const all = speeds(
    rates.map((rate) => [rate, rate, rate]),
    KINDS,
    terms,
  )
  const rows = all.map((speed: Speed, index) => ({
    name: NAMES[index] ?? '',
    kind: KINDS[index] ?? 'peer',
    seal: speed,
    open: speed,
    addedBytes: 1_234,
  }))
  return { ...terms, rows }
}

describe('the speeds beside peers', () => {
  it('are relative to the fastest bare call, and of peers to the fastest of ours that signs as often', () => {
    const { rows } = tableOf(32, true, [50, 100, 80, 400, 20])
    expect(rows.map(({ seal }) => seal.ratio.median)).toEqual([0.5, 1, 0.8, 4, 0.2])
    expect(rows.map(({ seal }) => seal.ahead?.median)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      4,
    ])
  })

  it('are held against what is promised of 256 bytes and of 1 MiB', () => {
    const aims = (payloadBytes: number, signed: boolean): string[] =>
      missedPeerAims([tableOf(payloadBytes, signed, [50, 100, 80, 400, 32])])
    expect(aims(32, false)).toEqual([])
    expect(aims(256, false)).toEqual([
      '256 bytes, unsigned, seal, A & <B>: ahead 2.5 times instead of 3',
      '256 bytes, unsigned, open, A & <B>: ahead 2.5 times instead of 3',
    ])
    expect(aims(256, true)).toEqual([])
    expect(aims(1_048_576, false)).toEqual([
      '1,048,576 bytes, unsigned, seal, ours: 0.80 of 0.9',
      '1,048,576 bytes, unsigned, open, ours: 0.80 of 0.9',
    ])
    expect(aims(1_048_576, true)).toEqual([])
  })
})

describe('the report', () => {
  const tables = [32, 256, 4096].flatMap((payloadBytes) =>
    [false, true].map((signed) => tableOf(payloadBytes, signed, [50, 100, 80, 400, 0.032])),
  )

  it('has a table for each size, with digits that count for whoever is far behind', () => {
    const text = peersMarkdown(tables, 'plot.svg')
    expect(text.match(/^### .*/gm)).toHaveLength(6)
    expect(text).toContain('| A & <B> | 0 | 0.00032 (0.00032 to 0.00032) | 2,500 (')
    expect(text).toContain('1,234 B |')
    expect(text).toContain('(plot.svg)')
  })

  it('has a plot with a line for each of both halves and both ways, and no number that is none', () => {
    const svg = peersPlot(tables)
    expect(
      svg.match(/<path class="line [a-z-]+" stroke="#[0-9a-f]{6}" d="M0 [\d.]+L/g),
    ).toHaveLength(4 * NAMES.length)
    expect(svg).not.toMatch(/NaN|Infinity|undefined/)
    expect(svg).toContain('A &amp; &lt;B>')
  })
})

describe('everybody beside each other', () => {
  it.each([false, true])('seals and opens, and is measured (signed: %s)', async (signed) => {
    const all = await competitors({ signed, payloadBytes: 32 })
    const contenders = all.flatMap(({ seal, open }) => [seal, open])
    const series = await measureSeries(contenders, { rounds: 1, blockMs: 1 })
    expect(series).toHaveLength(2 * all.length)
    for (const { rates } of series) expect(rates).toEqual([expect.toSatisfy(Number.isFinite)])
    const formats = all.filter(({ kind }) => kind !== 'bare')
    for (const { addedBytes } of formats) expect(addedBytes).toBeGreaterThan(16)
  })
})
