// SPDX-License-Identifier: Apache-2.0
/**
 * The opener in `conformance/`, written in another language from the specification alone, and the one
 * that is built from these packages: both pass the vectors, and both say the same of all else.
 *
 * @module
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  concatBytes,
  decodeMetadata,
  encodeMetadata,
  isNamePattern,
  isStreamName,
  matchesName,
  toBase64Url,
  toHex,
} from '@waxwing/core'
import { requireOrSkip } from '@waxwing/testkit'
import * as fc from 'fast-check'
import { expect, it, onTestFinished } from 'vitest'
import { metadata, mutated } from '../support/arbitraries.js'
import { EPOCH, NOW, seedOf } from '../support/domain.js'
import { MESSAGE_TYPES, messageBytes } from '../support/messages.js'
import { chainOf } from '../support/stream.js'
import { brokenGrant } from './broken-grants.js'
import { askPython, pythonAvailable, runPython, type Answer, type Case } from './python.js'
import { codeOf, decodeAny, RealOpener, splitUp } from './real-opener.js'
import * as world from './world.js'

const describePython = requireOrSkip('Python with cryptography and cbor2', pythonAvailable())

/** What is asked is the same at every run. */
const SEED = 20

interface Asked {
  readonly cases?: readonly Case[]
  readonly statements?: readonly Uint8Array[]
  readonly archives?: readonly Uint8Array[]
  readonly texts?: readonly Uint8Array[]
  readonly names?: readonly (readonly [string, string])[]
}

async function ask(asked: Asked): Promise<Answer> {
  return askPython({
    principal: world.READER.id,
    keys: [(await world.readerKey).secretKey],
    now: NOW,
    domain: world.ANCHOR.id,
    bundle: world.BUNDLE,
    partners: [world.PARTNER_BUNDLE],
    pinned: world.PINS,
    cases: [],
    statements: [],
    archives: [],
    texts: [],
    names: [],
    ...asked,
  })
}

async function ours({ grants, objects }: Case): Promise<Answer['cases'][number]> {
  const key = await world.readerKey
  const opener = new RealOpener(world.READER.id, key, world.readersTrust(), NOW)
  const codes: string[] = []
  for (const grant of grants) codes.push(await codeOf(() => opener.takeGrant(grant)))
  return { grants: codes, objects: objects.map((object) => opener.open(object)) }
}

const allGrants = (): Promise<readonly Uint8Array[]> =>
  Promise.all(world.GENERATIONS.map((of) => world.sealedGrant(of)))

function objectsOfAll(count: number): readonly world.Sealed[] {
  return world.GENERATIONS.flatMap((of, i) => world.sealedObjects(of, count, SEED + i))
}

const some = <T>(values: fc.Arbitrary<T>, count: number): readonly T[] =>
  fc.sample(values, { seed: SEED, numRuns: count })

/** A line of what `open.py` says of an item. */
interface Line {
  readonly kind: string
  readonly outcome: string
  readonly plaintext?: string
}

/** Whether it was taken at all: where a structure has two faults, either error is right. */
const taken = (code: string): boolean => code === 'valid'

describePython('an opener in Python, written from the specification', () => {
  it('passes the vectors, and says which it leaves out', () => {
    const { status, stdout, stderr } = runPython('run_vectors.py')
    expect(stderr).toBe('')
    expect(stdout.match(/\d+ not covered \([^)]+\)/g)).toEqual([
      '10 not covered (X-Wing: the library has no ML-KEM)',
    ])
    expect(status).toBe(0)
  })

  it('opens an archive of what was sealed and granted here, to the same plaintexts', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'waxwing-conformance-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const write = (name: string, bytes: Uint8Array): string => {
      writeFileSync(join(folder, name), bytes)
      return join(folder, name)
    }
    const [grants, sealed] = [await allGrants(), objectsOfAll(8)]
    const objects = sealed.map(({ object }) => object)
    const archive = concatBytes(world.BUNDLE, ...objects, ...grants)
    const args = ['--principal', toBase64Url(world.READER.id), '--now', String(NOW)]
    args.push('--key', toHex((await world.readerKey).secretKey))
    args.push('--domain', toBase64Url(world.ANCHOR.id), '--bundle', write('bundle', world.BUNDLE))
    args.push('--partner', write('partner', world.PARTNER_BUNDLE))
    args.push('--pin', `${toHex(world.PINNED.key.publicKey)}=lone/#`)
    const { stdout, stderr } = runPython('open.py', [...args, write('all.wax', archive)])
    expect(stderr).toBe('')
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Line)
    const expected = (await ours({ grants, objects })).objects
    const found = lines.filter(({ kind }) => kind === 'object')
    expect(lines.filter(({ outcome }) => outcome === 'granted')).toHaveLength(grants.length)
    expect(found.map(({ outcome }) => outcome)).toEqual(expected.map(({ outcome }) => outcome))
    for (const [i, { outcome, plaintext }] of found.entries()) {
      if (outcome === 'opened') expect(plaintext).toBe(toHex(sealed[i]!.plaintext))
    }
    expect(found.filter(({ outcome }) => outcome === 'opened').length).toBeGreaterThan(20)
  })

  it('opens grants that are packed, and agrees on those that were changed then', async () => {
    const packedOver = [world.BUNDLE]
    const grants = await Promise.all([
      ...world.GENERATIONS.map((of) => world.sealedGrant(of, { packedOver })),
      ...world.GENERATIONS.map((of) => world.sealedGrant(of, { packedOver: [] })),
      world.sealedGrant(world.GENERATIONS[0]!, { packedOver: [world.PLANT.credential!] }),
    ])
    const changed = some(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), 150).map(
      ([at, value]) =>
        world.sealedGrant(world.GENERATIONS[0]!, {
          packedOver,
          packed: (packed) =>
            packed.map((byte, i) => (i === at % packed.length ? byte ^ value : byte)),
        }),
    )
    const asked = { grants: [...grants, ...(await Promise.all(changed))], objects: [] }
    const mine = (await ours(asked)).grants
    const theirs = (await ask({ cases: [asked] })).cases[0]!.grants
    expect(theirs.map(taken)).toEqual(mine.map(taken))
    expect(mine.slice(0, grants.length).filter(taken)).toHaveLength(grants.length - 1)
    expect(mine[grants.length - 1]).toBe('ERR_KEY_UNKNOWN')
    expect(theirs[grants.length - 1]).toBe('ERR_KEY_UNKNOWN')
  })

  it('agrees on grants that break a rule, or just do not, and on what they then open', async () => {
    const cases = await Promise.all(
      some(brokenGrant, 120).map(async ({ of, changes }) => ({
        grants: [await world.sealedGrant(of, changes)],
        objects: world.sealedObjects(of, 2, SEED).map(({ object }) => object),
      })),
    )
    const expected = await Promise.all(cases.map(ours))
    expect((await ask({ cases })).cases).toEqual(expected)
    const codes = new Set(expected.flatMap(({ grants }) => grants))
    expect([...codes]).toEqual(
      expect.arrayContaining(
        'valid ERR_CHAIN ERR_EXPIRED ERR_RECIPIENT ERR_SIGNATURE ERR_NOT_TRUSTED'.split(' '),
      ),
    )
  })

  it('agrees on grants and objects of which bytes were changed', async () => {
    const [grants, objects] = [await allGrants(), objectsOfAll(3).map(({ object }) => object)]
    const cases = [{ grants: some(mutated(grants), 60), objects: [] as readonly Uint8Array[] }]
    cases.push({ grants: [...grants], objects: some(mutated(objects), 150) })
    const theirs = (await ask({ cases })).cases
    expect(theirs).toEqual(await Promise.all(cases.map(ours)))
  })

  it('agrees on which of two roots is right, and on what is proven by whichever opens first', async () => {
    const of = world.GENERATIONS[1]!
    const twin = { ...of, root: seedOf('another root') }
    const few = { span: { first: EPOCH - 6, last: EPOCH + 5 } }
    const steps = [...of.steps.slice(0, -1), { ...of.steps.at(-1)!, fields: few }]
    const narrow = await world.sealedGrant(twin, { root: twin.root, steps })
    const grants = [narrow, await world.sealedGrant(of)]
    const [one, other] = [of, twin].map((root) =>
      world.sealedObjects(root, 20, SEED).map(({ object }) => object),
    )
    const orders = [one!, [...one!, ...other!], [...other!, ...one!]]
    const cases = [grants, grants.toReversed(), [grants[0]!]].flatMap((order) =>
      orders.map((objects) => ({ grants: order, objects })),
    )
    const expected = await Promise.all(cases.map(ours))
    expect((await ask({ cases })).cases).toEqual(expected)
    const outcomes = new Set(expected[0]!.objects.map(({ outcome }) => outcome))
    expect([...outcomes]).toEqual(expect.arrayContaining(['opened', 'no-key']))
  })

  it('agrees on statements, metadata, names and archives of which a little was changed', async () => {
    const { GENERATIONS, BUNDLE, PLANT } = world
    const signed = [BUNDLE, PLANT.credential!, ...GENERATIONS.map(({ manifest }) => manifest.bytes)]
    signed.push(...GENERATIONS.flatMap(({ manifest, steps }) => chainOf(manifest, steps)))
    signed.push(...MESSAGE_TYPES.map((type) => messageBytes(type, PLANT)))
    const statements = some(mutated(signed), 300)
    const texts = some(mutated(some(metadata, 40).map((fields) => encodeMetadata(fields, 3))), 300)
    const level = fc.constantFrom('a', 'b', '', '+', '#', 'é', 'e\u0301', 'a\u0080', 'x#', '\u0001')
    const name = fc.array(level, { maxLength: 4 }).map((levels) => levels.join('/'))
    const names = some(fc.tuple(name, name), 300)
    const objects = objectsOfAll(1).map(({ object }) => object)
    const archives = some(mutated([concatBytes(...objects, BUNDLE), objects[0]!]), 150)

    const theirs = await ask({ statements, texts, names, archives })
    const decoded = statements.map((bytes) => codeOf(() => decodeAny(bytes)))
    const read = texts.map((text) => codeOf(() => decodeMetadata(text)))
    expect(theirs.statements.map(taken)).toEqual((await Promise.all(decoded)).map(taken))
    expect(theirs.texts.map(taken)).toEqual((await Promise.all(read)).map(taken))
    expect(theirs.names).toEqual(
      names.map(([text, pattern]) => [
        isStreamName(text),
        isNamePattern(pattern),
        matchesName(pattern, text),
      ]),
    )
    expect(theirs.archives).toEqual(archives.map(splitUp))
  })
})
