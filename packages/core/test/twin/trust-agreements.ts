// SPDX-License-Identifier: Apache-2.0
/**
 * Agreements on statements and on whom to believe: manifests, links, credentials and bundles decode
 * alike, and principals are trusted alike.
 *
 * @module
 */

import {
  decodeCredential,
  decodeLink,
  decodeManifest,
  decodeTrustBundle,
  Trust,
  type TrustedPrincipal,
} from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import * as fc from 'fast-check'
import { hex, seedOf } from '../../../../tools/vectors/frozen/primitives.ts'
import {
  linkPayload,
  manifestPayload,
  statement,
} from '../../../../tools/vectors/frozen/statements.ts'
import { mutated } from '../support/arbitraries.ts'
import { agree, agreement, note, type Agreement } from './agreement.ts'
import { readLink, readManifest } from './chains.ts'
import { signedAnew, structural } from './mutations.ts'
import {
  checkEpoch,
  checkName,
  checkStanding,
  readBundle,
  readClaims,
  resolve,
  revokedSince,
  type Held,
  type Principal,
} from './trust.ts'
import {
  ACTORS,
  ANCHORS,
  CREDENTIAL_EXPIRES,
  EPOCH,
  held,
  HOUR,
  mostly,
  near,
  person,
  streamNames,
  time,
  type Actor,
} from './world.ts'

const crypto = nodeProvider

/** What somebody believes, for the fast code. */
export function trustOf({ bundle, partnerBundles, pinned }: Held): Trust {
  const inputs = { crypto, partnerBundles, pinned }
  return new Trust(bundle === undefined ? inputs : { ...inputs, bundle })
}

// Decoding.

interface Sample {
  readonly type: keyof typeof FACTS
  readonly bytes: Uint8Array
  readonly signer: Pick<Actor, 'sign'>
}

/** What both read of a statement, in the same words. */
const FACTS = {
  manifest: {
    ours(bytes: Uint8Array) {
      const { statement: _, bytes: __, payloadDigest, ...fields } = decodeManifest(crypto, bytes)
      return { ...fields, payloadDigest }
    },
    twins(bytes: Uint8Array) {
      const {
        generationId,
        fields,
        statement: { payload },
      } = readManifest(bytes)
      const field = (key: number): unknown => fields.get(key)
      const predecessor = field(11) as readonly [Uint8Array, number | null] | null
      return {
        domainId: field(1),
        producerId: field(2),
        streamName: field(3),
        nonce: field(4),
        epochSeconds: field(5),
        alg: field(6),
        kidBytes: field(7),
        counterMode: ['session', 'durable'][field(8) as number],
        signatureMode: ['none', 'each', 'batch'][field(9) as number],
        historyMode: ['keep', 'forget'][field(10) as number],
        predecessor: predecessor && { generationId: predecessor[0], closingEpoch: predecessor[1] },
        generationId,
        payloadDigest: crypto.sha256(payload),
      }
    },
  },
  link: {
    ours(bytes: Uint8Array) {
      const {
        statement: { author },
        bytes: _,
        ...fields
      } = decodeLink(crypto, bytes)
      return { ...fields, author }
    },
    twins(bytes: Uint8Array) {
      const {
        statement: { author, digest },
        ...fields
      } = readLink(bytes)
      return { ...fields, digest, author }
    },
  },
  credential: {
    ours(bytes: Uint8Array) {
      const { name, signingKey, issued, expires, produces, anchorId } = decodeCredential(
        crypto,
        bytes,
      )
      return { name, key: signingKey, issued, expires, produces, anchorId }
    },
    twins: (bytes: Uint8Array) => readClaims(bytes),
  },
  bundle: {
    ours(bytes: Uint8Array) {
      const { domainId: domain, anchors, partners, revoked } = decodeTrustBundle(crypto, bytes)
      return {
        domain,
        anchors,
        partners: partners.map(({ domainId, ...rest }) => ({ domain: domainId, ...rest })),
        revoked: revoked.map(({ principalId, since }) => [principalId, since]),
      }
    },
    twins: (bytes: Uint8Array) => readBundle(bytes),
  },
} as const

const manifests: fc.Arbitrary<Sample> = fc
  .tuple(
    fc.constantFrom(...ACTORS),
    streamNames,
    fc.constantFrom(1, 3, 10, 24),
    fc.constantFrom(1, HOUR, 31_536_000),
    fc.constantFrom(null, 0, EPOCH, 2 ** 32 - 1),
  )
  .map(([signer, streamName, alg, epochSeconds, closing]) => {
    const nonce = seedOf('nonce').slice(0, 16)
    const input = { domainId: seedOf('domain'), producerId: signer.id, streamName, nonce, alg }
    const payload = manifestPayload({
      ...input,
      epochSeconds,
      predecessor: [seedOf('before'), closing],
    })
    return { type: 'manifest', bytes: statement({ type: 'manifest', signer, payload }), signer }
  })

const links: fc.Arbitrary<Sample> = fc
  .tuple(person, time, fc.nat(3))
  .map(([signer, issued, depth]) => {
    const payload = linkPayload({
      generationId: seedOf('generation'),
      grantId: seedOf('grant').slice(0, 16),
      issuer: signer.id,
      grantee: seedOf('grantee'),
      kemKey: seedOf('KEM key'),
      span: { first: EPOCH, last: EPOCH + depth },
      rights: depth === 0 ? 'read' : 'share',
      depth,
      issued,
      end: depth === 2 ? null : issued + HOUR,
      parent: depth === 3 ? null : seedOf('parent'),
      nodesDigest: seedOf('nodes'),
      credential: signer.credential,
    })
    return { type: 'link', bytes: statement({ type: 'link', signer, payload }), signer }
  })

const credentials: fc.Arbitrary<Sample> = person
  .filter(({ credential }) => credential !== null)
  .map((signer) => ({ type: 'credential', bytes: signer.credential!, signer }))

const bundles: fc.Arbitrary<Sample> = held
  .filter(({ bundle }) => bundle !== undefined)
  .map(({ bundle }) => ({ type: 'bundle', bytes: bundle!, signer: ACTORS[0]! }))

/** A statement as it should be, with some bytes changed, or with some values changed. */
const statements: fc.Arbitrary<Sample> = fc
  .oneof(manifests, links, credentials, bundles)
  .chain((sample) => {
    const { bytes, signer } = sample
    const changes = fc.oneof(
      { weight: 1, arbitrary: fc.constant(bytes) },
      { weight: 3, arbitrary: mutated([bytes]) },
      { weight: 8, arbitrary: structural.map((by) => signedAnew(by(bytes), signer)) },
    )
    return changes.map((changed) => ({ ...sample, bytes: changed }))
  })

function decodeAlike({ type, bytes }: Sample): void {
  const facts = FACTS[type]
  const outcome = agree(
    () => facts.ours(bytes),
    () => facts.twins(bytes),
  )
  note('statements', `${type} ${outcome}`)
}

// Trust.

/** A trusted principal in the words of the twin. */
export function principalFacts(principal: TrustedPrincipal): unknown {
  const { id, key, domainId, name, produces, partnerPatterns, issued, expires } = principal
  const key32 = key.publicKey
  return { id, key: key32, domain: domainId, name, produces, partnerPatterns, issued, expires }
}

const questions = fc.record({
  believed: held,
  who: person,
  /** Whose id is asked for, where it is not the person's own. */
  other: mostly<Actor | undefined>(undefined, fc.constantFrom(...ACTORS), 12),
  changed: mostly<((bytes: Uint8Array) => Uint8Array) | undefined>(undefined, structural),
  now: fc.oneof(time, near(CREDENTIAL_EXPIRES)),
  name: streamNames,
  domain: person.map(({ domainId }) => domainId),
})

type Questions = typeof questions extends fc.Arbitrary<infer T> ? T : never

function trustAlike(asked: Questions): void {
  const { believed, who, other, changed, now, name, domain } = asked
  const trust = trustOf(believed)
  const { id } = other ?? who
  const credential =
    changed && who.credential ? signedAnew(changed(who.credential), ANCHORS.own) : who.credential
  const outcome = agree(
    () => principalFacts(trust.resolve(id, credential)),
    () => resolve(believed, hex(id), credential),
  )
  note('trust', `resolve ${outcome}`)
  if (outcome !== 'valid') return
  const ours = trust.resolve(id, credential)
  const twins: Principal = resolve(believed, hex(id), credential)
  const domainHex = domain === null ? null : hex(domain)
  const begins = Math.floor(now / HOUR) * HOUR
  const checks: Readonly<Record<string, readonly [() => unknown, () => unknown]>> = {
    revoked: [() => trust.revokedSince(ours) ?? Infinity, () => revokedSince(believed, twins)],
    standing: [() => trust.checkStanding(ours, now), () => checkStanding(believed, twins, now)],
    name: [() => trust.checkMayName(ours, domain, name), () => checkName(twins, domainHex, name)],
    epoch: [() => trust.checkEpoch(ours, begins), () => checkEpoch(believed, twins, begins)],
  }
  for (const [check, [one, twin]] of Object.entries(checks))
    note('trust', `${check} ${agree(one, twin)}`)
}

export const TRUST_AGREEMENTS: readonly Agreement[] = [
  agreement('statements', 900, statements, decodeAlike),
  agreement('trust', 500, questions, trustAlike),
]
