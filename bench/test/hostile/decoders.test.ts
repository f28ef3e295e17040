// SPDX-License-Identifier: Apache-2.0
import * as core from '@waxwing/core'
import { describe, expect, it } from 'vitest'
import { allTargets } from '../../src/hostile/all-targets.ts'
import { runBlockGrowth, runDecoders, runHostileMember } from '../../src/hostile/decoders.ts'
import { MAX_BLOCKS_PER_DOUBLING } from '../../src/hostile/growth.ts'
import { runRecords } from '../../src/hostile/records.ts'
import { runStoreFiles } from '../../src/hostile/store-files.ts'
import { findingOf, type Target } from '../../src/hostile/target.ts'

const SEED = 1

/** What reads bytes, texts or values that anybody may have made. */
const READS =
  /^(decode|unpack|parse|open|verify|read|from[A-Z]|is(Sealed|Packed|Stream|Name)|authenticate|newer)/
const READS_A_PART = /^(itemEnd|sealedKid|matchesName|patternCovers|\w+From(Cbor|Fields))$/

describe('the table of decoders', () => {
  it('has everything in core that reads what anybody may have made', () => {
    const covered = new Set(allTargets().flatMap(({ covers }) => covers))
    const readers = Object.keys(core).filter((name) => READS.test(name) || READS_A_PART.test(name))
    const classes = ['ArchiveReader', 'GenerationOpener', 'ObjectOpener', 'Trust']
    const missing = [...readers, ...classes].filter((name) => !covered.has(name))
    expect(missing).toEqual([])
    expect(readers.length).toBeGreaterThan(30)
  })

  it('names nothing that is not there', () => {
    const named = allTargets().flatMap(({ covers }) => covers.map((name) => name.split('.')[0]))
    expect(named.filter((name) => name === undefined || !(name in core))).toEqual([])
  })

  it('begins each with something that is right', async () => {
    for (const target of allTargets()) {
      expect(target.seeds.length, target.name).toBeGreaterThan(0)
      for (const seed of target.seeds) {
        expect(await findingOf(target, seed), target.name).toBeUndefined()
      }
    }
  })
})

describe('what counts as a find', () => {
  const target: Target = {
    name: 'test',
    covers: [],
    codes: ['ERR_MALFORMED'],
    seeds: [],
    weight: 1,
    run: () => undefined,
  }
  const thrown = (error: Error): unknown =>
    findingOf(
      {
        ...target,
        run() {
          throw error
        },
      },
      new Uint8Array(),
    )

  it('is every error that is not documented', () => {
    expect(thrown(core.malformed('test', 'field'))).toBeUndefined()
    expect(thrown(core.notAuthentic())).toMatch('could not be opened')
    expect(thrown(new TypeError('undefined is not a function'))).toMatch('not a function')
    expect(thrown(new RangeError('Invalid array length'))).toMatch('Invalid array length')
  })

  it('is what does not hold of what was accepted, at once or later', async () => {
    const empty = new Uint8Array()
    expect(findingOf({ ...target, run: () => 'another' }, empty)).toBe('another')
    expect(await findingOf({ ...target, run: async () => 'another' }, empty)).toBe('another')
    const late = { ...target, run: () => Promise.reject(new TypeError('late')) }
    expect(await findingOf(late, empty)).toMatch('late')
  })
})

describe('hostile bytes', () => {
  it('make decoders say yes, or no in the documented way', async () => {
    const report = await runDecoders({ executions: 50_000, seed: SEED })
    expect(report.problems).toEqual([])
    expect(report.executions).toBeGreaterThanOrEqual(50_000)
    expect(report.reached).toBeGreaterThan(6_000)
  }, 180_000)

  it('reach more where what they say is changed, not only their bytes', async () => {
    const only = ['message', 'grant', 'node ring']
    const trying = { executions: 10_000, seed: SEED, feedback: false, only }
    const bytes = await runDecoders({ ...trying, structure: false })
    const said = await runDecoders({ ...trying, structure: true })
    expect(said.reached).toBeGreaterThan(bytes.reached)
  }, 180_000)

  it('of a member, signed and sealed, do nothing unforeseen to an endpoint', async () => {
    const report = await runHostileMember(1_000, SEED)
    expect(report.problems).toEqual([])
    expect(Object.keys(report.events)).toEqual(
      expect.arrayContaining(['malformed', 'control-refused']),
    )
  }, 120_000)

  it('in one record of a store end in a documented error, or in none', async () => {
    const report = await runRecords(300, SEED)
    expect(report.problems).toEqual([])
    expect(Object.keys(report.tables).length).toBeGreaterThan(15)
    expect(report.ends).toMatchObject({
      fine: expect.any(Number) as number,
      ERR_STORE_CORRUPT: expect.any(Number) as number,
    })
  }, 120_000)
})

describe('damage anywhere in the file of a store, or in its journal', () => {
  it('is refused in the documented way, or nothing wrong is read', async () => {
    const report = await runStoreFiles(150, SEED)
    expect(report.problems).toEqual([])
    expect(Object.keys(report.ends)).toEqual(expect.arrayContaining(['fine', 'ERR_STORE_CORRUPT']))
  }, 120_000)
})

describe('bytes that grow', () => {
  it('are read in blocks of code of which no more run than in proportion', async () => {
    const growth = await runBlockGrowth()
    expect(growth.length).toBeGreaterThan(30)
    const steep = growth.filter(({ perDoubling }) => perDoubling > MAX_BLOCKS_PER_DOUBLING)
    expect(steep).toEqual([])
  }, 120_000)
})
