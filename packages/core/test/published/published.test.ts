// SPDX-License-Identifier: Apache-2.0
/**
 * The vectors that others published, all of them: each case runs against the code that users call,
 * on every provider that offers its algorithm, or stands in `out-of-scope.ts` with the reason.
 */

import { expect, it } from 'vitest'
import { casesOf, sources } from './catalogue.js'
import { declareCbor } from './cbor.js'
import { declareCose } from './cose.js'
import { declareCoseHpke } from './cose-hpke.js'
import { describePublished, listPublished } from './folder.js'
import { declareHpke } from './hpke.js'
import { entriesFor, LATER, OUT_OF_SCOPE } from './out-of-scope.js'
import { outcomeOf } from './runner.js'
import { readStatus, statusRows, writtenRows } from './status.js'
import { declareMlKem } from './wycheproof-ml-kem.js'
import { declareWycheproof } from './wycheproof.js'

describePublished('published CBOR', declareCbor)
describePublished('published COSE examples', declareCose)
describePublished('published COSE-HPKE messages', declareCoseHpke)
describePublished('published HPKE vectors', declareHpke)
describePublished('Wycheproof', declareWycheproof)
describePublished('Wycheproof on ML-KEM-768', declareMlKem)

// Last: what these compare with has run by now.
describePublished('the published vectors', () => {
  it('have all passed, but for what is listed as out of scope', () => {
    const missing = allCases().filter(
      ([source, name]) =>
        entriesFor(source, name).length === 0 && !outcomeOf(source)?.passed.has(name),
    )
    expect(missing).toStrictEqual([])
  })

  it('are out of scope for one reason, which catches just as many as it says', () => {
    const counts = new Map(OUT_OF_SCOPE.map((entry) => [entry, 0]))
    for (const [source, name] of allCases()) {
      const entries = entriesFor(source, name)
      expect(entries.length, `${source}, ${name}`).toBeLessThan(2)
      for (const entry of entries) counts.set(entry, counts.get(entry)! + 1)
    }
    const found = [...counts].map(([entry, count]) => ({ ...entry, count }))
    expect(found).toStrictEqual(OUT_OF_SCOPE)
    expect(OUT_OF_SCOPE.filter(({ count }) => count === 0)).toStrictEqual([])
  })

  it('are left for later by folders that exist', () => {
    for (const { folder } of LATER) {
      expect(listPublished().some((path) => path.startsWith(`${folder}/`))).toBe(true)
    }
  })

  it('are counted in docs/status.md as they ran', () => {
    expect(writtenRows()).toStrictEqual(statusRows())
  })

  it('are named in docs/status.md as they are called', () => {
    const named = readStatus().matchAll(/`((?:cbor|cose|cose-hpke|hpke|wycheproof)\/[^`]+)`/g)
    expect(new Set([...named].map(([, source]) => source))).toStrictEqual(new Set(sources().keys()))
  })
})

function allCases(): readonly (readonly [string, string])[] {
  return [...sources().keys()].flatMap((source) =>
    [...casesOf(source).keys()].map((name) => [source, name] as const),
  )
}
