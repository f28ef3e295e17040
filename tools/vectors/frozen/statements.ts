// SPDX-License-Identifier: Apache-2.0
/**
 * Signed statements and their payloads, field by field from the specification
 * (`docs/spec/07-granting.md` Section 7.1 and what it refers to). Every part can be given otherwise,
 * to break it.
 *
 * @module
 */

import { cbor, Tagged, type Value } from './cbor.ts'
import { coseKey, sha256, thumbprint, type KeyKind, type Signer } from './primitives.ts'
import type { Span } from './tree.ts'

export type Fields = ReadonlyMap<number | string, Value>

export interface Statement {
  /** Without `waxwing-` and `+cose`. */
  readonly type: string
  readonly signer: Signer
  /** Default: the signer's id. */
  readonly author?: Uint8Array
  /** Default: null. */
  readonly recipient?: Uint8Array | null
  readonly payload: Value
  /** Default: alg, kid and typ. */
  readonly protectedHeader?: Fields
  readonly unprotectedHeader?: Fields
  /** Default: what the type and the recipient call for. */
  readonly externalAad?: Uint8Array
  readonly tag?: number
}

function typ(type: string): string {
  return type === 'credential' ? 'waxwing-credential+cwt' : `waxwing-${type}+cose`
}

export function idOf({ publicKey }: Pick<Signer, 'publicKey'>): Uint8Array {
  return thumbprint('ed25519', publicKey)
}

export function header(type: string, author: Uint8Array): Fields {
  return new Map<number, Value>([
    [1, -19],
    [4, author],
    [16, typ(type)],
  ])
}

export function statementAad(type: string, recipient: Uint8Array | null): Uint8Array {
  if (type === 'credential') return new Uint8Array(0)
  return cbor(['waxwing control v1', typ(type), recipient])
}

/** Signs a statement. */
export function statement(input: Statement): Uint8Array {
  const { type, signer, author = idOf(signer), recipient = null, tag = 18 } = input
  const protectedBytes = cbor(input.protectedHeader ?? header(type, author))
  const payload = cbor(input.payload)
  const externalAad = input.externalAad ?? statementAad(type, recipient)
  const signature = signer.sign(cbor(['Signature1', protectedBytes, externalAad, payload]))
  const unprotected = input.unprotectedHeader ?? new Map<number, Value>()
  return cbor(new Tagged(tag, [protectedBytes, unprotected, payload, signature]))
}

/** The fields with some of them changed, or left out where `undefined`. */
export function changed(
  fields: Fields,
  ...changes: readonly (readonly [number | string, Value | undefined])[]
): Fields {
  const copy = new Map(fields)
  for (const [key, value] of changes) {
    if (value === undefined) copy.delete(key)
    else copy.set(key, value)
  }
  return copy
}

export interface ManifestInput {
  readonly domainId: Uint8Array | null
  readonly producerId: Uint8Array
  readonly streamName: string
  readonly nonce: Uint8Array
  readonly epochSeconds?: number
  readonly alg?: number
  readonly kidBytes?: number
  /** 0 session, 1 durable. */
  readonly counterMode?: number
  /** 0 none, 1 each. */
  readonly signatureMode?: number
  /** 0 keep, 1 forget. */
  readonly historyMode?: number
  readonly predecessor?: Value
}

export function manifestPayload(input: ManifestInput): Fields {
  return new Map<number, Value>([
    [1, input.domainId],
    [2, input.producerId],
    [3, input.streamName],
    [4, input.nonce],
    [5, input.epochSeconds ?? 3600],
    [6, input.alg ?? 24],
    [7, input.kidBytes ?? 8],
    [8, input.counterMode ?? 0],
    [9, input.signatureMode ?? 1],
    [10, input.historyMode ?? 0],
    [11, input.predecessor ?? null],
  ])
}

export function generationId(producerId: Uint8Array, payload: Fields): Uint8Array {
  return sha256(cbor(['waxwing generation v1', producerId, sha256(cbor(payload))]))
}

export interface CredentialInput {
  readonly name: string
  readonly publicKey: Uint8Array
  readonly issued: number
  readonly expires: number
  /** Of the claim -65537. Default: `#` as the one pattern. */
  readonly own?: Fields
}

export function credentialPayload(input: CredentialInput): Fields {
  return new Map<number, Value>([
    [2, input.name],
    [4, input.expires],
    [6, input.issued],
    [8, new Map([[1, coseKey('ed25519', input.publicKey)]])],
    [-65537, input.own ?? new Map([[4, ['#']]])],
  ])
}

export interface PublicKey {
  readonly kind: KeyKind
  readonly publicKey: Uint8Array
}

export function keyCardPayload(
  issued: number,
  expires: number,
  keys: readonly PublicKey[],
): Fields {
  return new Map<number, Value>([
    [1, issued],
    [2, expires],
    [3, keys.map(({ kind, publicKey }) => coseKey(kind, publicKey))],
  ])
}

export interface BundleInput {
  readonly domainId: Uint8Array
  readonly version?: number
  readonly issued: number
  readonly expires: number
  readonly anchors: readonly Value[]
  readonly keepers?: readonly Value[]
  readonly recovery?: Value
  readonly partners?: readonly Value[]
  readonly revoked?: readonly Value[]
  readonly requireXWing?: boolean
}

export function bundlePayload(input: BundleInput): Fields {
  return new Map<number, Value>([
    [1, input.domainId],
    [2, input.version ?? 1],
    [3, input.issued],
    [4, input.expires],
    [5, input.anchors],
    [6, input.keepers ?? []],
    [7, input.recovery ?? null],
    [8, input.partners ?? []],
    [9, input.revoked ?? []],
    [10, input.requireXWing ?? false],
  ])
}

export interface LinkInput {
  readonly generationId: Uint8Array
  readonly grantId: Uint8Array
  readonly issuer: Uint8Array
  readonly grantee: Uint8Array
  readonly kemKey: Uint8Array
  readonly span: Span
  readonly rights: 'read' | 'share'
  readonly depth: number
  readonly issued: number
  readonly end: number | null
  readonly parent: Uint8Array | null
  readonly nodesDigest: Uint8Array
  readonly credential: Uint8Array | null
}

export function linkPayload(input: LinkInput): Fields {
  return new Map<number, Value>([
    [1, input.generationId],
    [2, input.grantId],
    [3, input.issuer],
    [4, input.grantee],
    [5, input.kemKey],
    [6, [input.span.first, input.span.last]],
    [7, input.rights === 'read' ? 1 : 2],
    [8, input.depth],
    [9, input.issued],
    [10, input.end],
    [11, input.parent],
    [12, input.nodesDigest],
    [13, input.credential],
  ])
}

export interface EnvelopeInput {
  readonly id: Uint8Array
  readonly issued: number
  readonly expires: number
  readonly inReplyTo?: Uint8Array
  readonly bundle?: Value
  readonly credential?: Uint8Array | null
  readonly keyCard?: Uint8Array
}

/** The payload of a message: the envelope, and the body from key 16 on. */
export function messagePayload(input: EnvelopeInput, body: readonly (Value | undefined)[]): Fields {
  const { id, issued, expires, inReplyTo, bundle, credential, keyCard } = input
  const fields = new Map<number, Value>([
    [1, id],
    [2, issued],
    [3, expires],
  ])
  if (inReplyTo !== undefined) fields.set(4, inReplyTo)
  if (bundle !== undefined) fields.set(5, bundle)
  if (credential !== undefined && credential !== null) fields.set(6, credential)
  if (keyCard !== undefined) fields.set(7, keyCard)
  for (const [i, value] of body.entries()) if (value !== undefined) fields.set(16 + i, value)
  return fields
}
