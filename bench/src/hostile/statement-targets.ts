// SPDX-License-Identifier: Apache-2.0
/**
 * Decoders of what statements say. What they accept, they must give back: the payload encoded anew
 * from the fields is the one that came.
 *
 * @module
 */

import {
  ackCodec,
  decodeCredential,
  decodeKeyCard,
  decodeLink,
  decodeManifest,
  decodeMessage,
  decodeStatement,
  decodeTrustBundle,
  denialCodec,
  encodeBundleFields,
  encodeCbor,
  enrolCodec,
  envelopeToCbor,
  grantCodec,
  issueCredential,
  requestCodec,
  revocationCodec,
  signKeyCard,
  signLink,
  signManifest,
  type CborValue,
  type DecodedMessage,
} from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import { same } from './same.ts'
import { fieldOf, MESSAGE_FILES } from './seeds.ts'
import type { Target, Trial } from './target.ts'

const crypto = sodiumProvider
const CODES = ['ERR_MALFORMED', 'ERR_UNSUPPORTED', 'ERR_LIMIT'] as const
/** Signs what is encoded anew; only its payload is compared. */
const SIGNER = crypto.ed25519SigningKey(new Uint8Array(32).fill(1))
const AUTHOR = new Uint8Array(32)

export function statementTargets(): readonly Target[] {
  return [
    {
      name: 'message',
      covers: [
        'decodeMessage',
        'envelopeFromCbor',
        'kidFromFields',
        'rightsFromCbor',
        'linksFromCbor',
      ],
      codes: CODES,
      seeds: fieldOf('message', ...MESSAGE_FILES),
      weight: 12,
      run(bytes) {
        const message = decodeMessage(crypto, bytes)
        return samePayload(bytes, payloadOf(message))
      },
    },
    {
      name: 'manifest',
      covers: ['decodeManifest'],
      codes: CODES,
      seeds: fieldOf('manifest', 'manifests'),
      weight: 6,
      run(bytes) {
        const manifest = decodeManifest(crypto, bytes)
        return sameAsSigned(bytes, signManifest(crypto, manifest, SIGNER).bytes)
      },
    },
    {
      name: 'credential',
      covers: ['decodeCredential'],
      codes: CODES,
      seeds: fieldOf('credential', 'credentials'),
      weight: 6,
      run(bytes) {
        const credential = decodeCredential(crypto, bytes)
        const again = issueCredential(crypto, credential, SIGNER)
        return sameMeaning(credential, decodeCredential(crypto, again))
      },
    },
    {
      name: 'key card',
      covers: ['decodeKeyCard'],
      codes: CODES,
      seeds: fieldOf('card', 'key-cards'),
      weight: 6,
      run: (bytes) => sameAsSigned(bytes, signKeyCard(decodeKeyCard(bytes), AUTHOR, SIGNER)),
    },
    {
      name: 'trust bundle',
      covers: ['decodeTrustBundle'],
      codes: CODES,
      seeds: fieldOf('bundle', 'bundles'),
      weight: 8,
      run(bytes) {
        const bundle = decodeTrustBundle(crypto, bytes)
        return same('bundle', encodeBundleFields(bundle), bundle.statement.payload)
      },
    },
    {
      name: 'link',
      covers: ['decodeLink'],
      codes: CODES,
      seeds: fieldOf('link', 'links'),
      weight: 6,
      run: (bytes) => sameAsSigned(bytes, signLink(decodeLink(crypto, bytes), SIGNER)),
    },
  ]
}

function payloadOf(message: DecodedMessage): Uint8Array {
  const map = envelopeToCbor(message.envelope)
  for (const [field, value] of bodyOf(message)) map.set(16 + field, value)
  return encodeCbor(map)
}

function bodyOf(message: DecodedMessage): readonly (readonly [number, CborValue])[] {
  switch (message.type) {
    case 'request':
      return requestCodec.toCbor(message.body)
    case 'grant':
      return grantCodec.toCbor(message.body)
    case 'denial':
      return denialCodec.toCbor(message.body)
    case 'ack':
      return ackCodec.toCbor(message.body)
    case 'revocation':
      return revocationCodec.toCbor(message.body)
    default:
      return enrolCodec.toCbor(message.body)
  }
}

function sameAsSigned(came: Uint8Array, signed: Uint8Array): Trial {
  return samePayload(came, decodeStatement(signed).payload)
}

function samePayload(came: Uint8Array, payload: Uint8Array): Trial {
  return same('payload', payload, decodeStatement(came).payload)
}

/** Empty lists may be there or not, and say the same. */
function sameMeaning(
  {
    statement: _came,
    bytes: _bytes,
    anchorId: _anchor,
    ...one
  }: ReturnType<typeof decodeCredential>,
  {
    statement: _made,
    bytes: _again,
    anchorId: _own,
    ...other
  }: ReturnType<typeof decodeCredential>,
): Trial {
  return same('claims', Buffer.from(textOf(one)), Buffer.from(textOf(other)))
}

function textOf(fields: object): string {
  const entries = Object.entries(fields).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify(entries, (_key, value: unknown) =>
    value instanceof Map ? [...value] : value,
  )
}
