// SPDX-License-Identifier: Apache-2.0
/**
 * What a member may say to another, one of everything with an id of its own: right as it stands, and
 * to be changed by one who means ill.
 *
 * @module
 */

import type { Endpoint } from '@waxwing/client'
import {
  epochAt,
  LAST_EPOCH,
  signMessage,
  type MessageBodies,
  type MessageType,
} from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'

const HOUR_SECONDS = 3_600
const TYPES: readonly MessageType[] = ['request', 'grant', 'denial', 'ack', 'revocation', 'enrol']

/** So many of each type, signed by `author`. @param recipient - Whom they are for; `null`: anybody. */
export function memberMessages(
  author: Endpoint,
  recipient: Uint8Array | null,
  countOfEach: number,
): readonly Uint8Array[] {
  const bodies = bodiesOf(author)
  return TYPES.flatMap((type) =>
    Array.from({ length: countOfEach }, () => messageOf(type, bodies, { author, recipient })),
  )
}

interface Parties {
  readonly author: Endpoint
  readonly recipient: Uint8Array | null
}

function messageOf<T extends MessageType>(
  type: T,
  bodies: MessageBodies,
  { author, recipient }: Parties,
): Uint8Array {
  const { id, credential, card, signingKey } = author.parts.identity
  if (credential === null) throw new TypeError('the author is no member')
  const issued = nowSeconds()
  const envelope = {
    id: sodiumProvider.randomBytes(16),
    issued,
    expires: issued + HOUR_SECONDS,
    credential,
    keyCard: card.bytes,
  }
  return signMessage({ type, envelope, body: bodies[type], author: id, key: signingKey, recipient })
}

/** About the generation that the author was granted. */
function bodiesOf(author: Endpoint): MessageBodies {
  const { identity } = author.parts
  const [generation] = author.generations()
  if (generation === undefined) throw new TypeError('the author holds no generation')
  const { manifest, grants } = generation
  const [grant] = grants.values()
  const chain = grant?.chain ?? []
  const kid = manifest.generationId.slice(0, manifest.kidBytes)
  const now = nowSeconds()
  const first = epochAt(now * 1000, manifest.epochSeconds)
  return {
    request: { kid, spans: [{ first, last: LAST_EPOCH }], rights: 'read', reason: 'to see' },
    grant: { manifest: manifest.bytes, chain, nodes: new Uint8Array(64) },
    denial: {
      kid,
      code: 'pending-approval',
      retrySeconds: 60,
      producerId: manifest.producerId,
      manifestDigest: manifest.payloadDigest,
      chain,
    },
    ack: { outcome: 'done' },
    revocation: { principalId: identity.id, since: now, generationId: manifest.generationId },
    enrol: {
      publicKey: identity.signingKey.publicKey,
      name: 'newcomer',
      roles: [],
      produces: ['plant/#'],
    },
  }
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000)
}
