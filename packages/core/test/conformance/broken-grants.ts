// SPDX-License-Identifier: Apache-2.0
/**
 * Grants of which everything is signed and sealed as it has to be, and a field or two says what it
 * should not, or what it just may.
 *
 * @module
 */

import type { Envelope, Grant, LinkFields, Span } from '@waxwing/core'
import * as fc from 'fast-check'
import { DAY, EPOCH, HOUR, NOW, seedOf, stranger, type Member } from '../support/domain.js'
import { SPAN, type Step } from '../support/stream.js'
import * as world from './world.js'

const OUTSIDER: Member = stranger('outsider')
const MEMBERS = [world.PLANT, world.KEEPER, world.READER, world.LOST, world.FRIEND, OUTSIDER]
const member = fc.constantFrom(...MEMBERS)
const delegate = fc.oneof(
  { weight: 8, arbitrary: fc.constant(world.KEEPER) },
  fc.constantFrom(world.FRIEND, world.LOST, world.BRIEF, OUTSIDER),
)

/** Times at which a rule decides: just before, at, and just after. */
const time = fc
  .tuple(
    fc.constantFrom(0, -300, 300, -HOUR, HOUR, 2 * HOUR, -DAY, DAY, 30 * DAY, 300 * DAY),
    fc.constantFrom(-1, 0, 1),
  )
  .map(([far, near]) => NOW + far + near)

const edge = fc.constantFrom(
  SPAN.first - 1,
  SPAN.first,
  EPOCH,
  SPAN.last,
  SPAN.last + 1,
  2 ** 32 - 1,
)
const span = fc
  .tuple(edge, edge)
  .map(([a, b]): Span => ({ first: Math.min(a, b), last: Math.max(a, b) }))

const rights = fc.constantFrom<Pick<LinkFields, 'rights' | 'depth'>[]>(
  { rights: 'read', depth: 0 },
  { rights: 'share', depth: 1 },
  { rights: 'share', depth: 2 },
  { rights: 'share', depth: 3 },
)

const some32 = fc.constantFrom(...MEMBERS.map(({ id }) => id), seedOf('x'))

/** One thing about a link that is not as it was. */
const linkChange: fc.Arbitrary<Partial<LinkFields>> = fc.oneof(
  rights,
  span.map((value) => ({ span: value })),
  time.map((issued) => ({ issued })),
  fc.option(time).map((end) => ({ end })),
  member.map(({ credential }) => ({ credential })),
  some32.map((grantee) => ({ grantee })),
  some32.map((issuer) => ({ issuer })),
  some32.map((kemKey) => ({ kemKey })),
  fc.option(some32).map((parent) => ({ parent })),
  fc.constantFrom({ grantId: new Uint8Array(16) }, { nodesDigest: seedOf('y') }),
  fc
    .constantFrom(...world.GENERATIONS)
    .map(({ manifest }) => ({ generationId: manifest.generationId })),
)

const grantChange: fc.Arbitrary<Partial<Grant>> = fc.oneof(
  fc.constantFrom(...world.GENERATIONS).map(({ manifest }) => ({ manifest: manifest.bytes })),
  fc.constant({ chain: [] }),
  fc.constantFrom(32, 64, 96, 1984).map((length) => ({ nodes: new Uint8Array(length) })),
)

const envelopeChange: fc.Arbitrary<Partial<Envelope>> = fc.oneof(
  fc.tuple(time, time).map(([a, b]) => ({ issued: Math.min(a, b), expires: Math.max(a, b) })),
  member.map(({ credential }) => ({ credential: credential ?? undefined })),
)

export interface Broken {
  readonly of: world.Generation
  readonly changes: world.GrantChanges
}

function merged(changes: readonly Partial<LinkFields>[]): Partial<LinkFields> {
  return Object.assign({}, ...changes) as Partial<LinkFields>
}

/** A generation, by whom the reader is granted it, and what is changed. */
export const brokenGrant: fc.Arbitrary<Broken> = fc
  .record({
    of: fc.constantFrom(...world.GENERATIONS),
    by: fc.array(delegate, { maxLength: 2 }),
    at: fc.array(fc.tuple(fc.nat(4), linkChange), { maxLength: 2 }),
    signer: fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, fc.tuple(fc.nat(4), member)),
    others: fc.oneof(
      { weight: 6, arbitrary: fc.constant({}) },
      grantChange.map((grant) => ({ grant })),
      envelopeChange.map((envelope) => ({ envelope })),
      member.map((author) => ({ author })),
      some32.map((recipient) => ({ recipient })),
    ),
  })
  .map(({ of, by, at, signer, others }) => {
    const line = [of.producer, ...by, world.READER]
    const count = line.length - 1
    const steps = line.slice(1).map((grantee, i): Step => {
      const fields = at.filter(([n]) => n % count === i).map(([, change]) => change)
      const signed = signer !== undefined && signer[0] % count === i ? { signer: signer[1] } : {}
      return { issuer: line[i]!, grantee, fields: merged(fields), ...signed }
    })
    return { of, changes: { steps, ...others } }
  })
