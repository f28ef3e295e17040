// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { tallies } from './agreement.ts'
import { AGREEMENTS } from './agreements.ts'

/** What comes up in so many cases, as good as surely: else they would say little. */
const MET: Readonly<Record<string, readonly string[]>> = {
  CBOR: ['valid', 'ERR_MALFORMED'],
  covers: ['valid', 'held', 'not held', 'ERR_MALFORMED'],
  statements: ['manifest', 'link', 'credential', 'bundle'].flatMap((type) =>
    ['valid', 'ERR_MALFORMED', 'ERR_UNSUPPORTED'].map((outcome) => `${type} ${outcome}`),
  ),
  trust: ['resolve valid', 'resolve ERR_NOT_TRUSTED', 'name ERR_NOT_AUTHORIZED'],
  chains: [
    'chain valid',
    'chain ERR_CHAIN',
    'grant valid',
    'grant ERR_CHAIN',
    'grant ERR_EXPIRED',
    'grant ERR_MALFORMED',
    'grant ERR_NOT_TRUSTED',
    'grant ERR_SIGNATURE',
  ],
  nodes: ['add', 'prove', 'forget', 'restore'],
  sealing: ['none valid', 'each valid', 'batch valid', 'together valid'],
  opening: [
    'honest opened',
    'honest no-key',
    'honest ERR_CLOSED_GENERATION',
    'honest ERR_EXPIRED',
    'honest failed',
    'thief failed',
  ],
  'seen-ranges': ['new', 'duplicate', 'conflict', 'unverifiable'],
}

describe('core and its slow twin', () => {
  it.each(AGREEMENTS)(
    'agree on $name',
    (agreement) => {
      const { cases, difference } = agreement.check({ numRuns: agreement.runs })
      expect(difference).toBeUndefined()
      expect(cases).toBe(agreement.runs)
    },
    240_000,
  )

  it('agree on 5,000 cases', () => {
    expect(AGREEMENTS.reduce((sum, { runs }) => sum + runs, 0)).toBe(5_000)
  })

  it.each(Object.entries(MET))('are asked about %s of all kinds', (name, outcomes) => {
    expect([...(tallies.get(name) ?? new Map<string, number>()).keys()]).toEqual(
      expect.arrayContaining([...outcomes]),
    )
  })
})
