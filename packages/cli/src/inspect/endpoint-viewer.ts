// SPDX-License-Identifier: Apache-2.0
/**
 * A viewer with the keys and the trust of a home.
 *
 * @module
 */

import {
  decodeMessage,
  openSealedMessage,
  principalId,
  sealedKid,
  toHex,
  verifyEnrol,
  verifyStatement,
  WaxwingError,
  type CryptoProvider,
  type DecodedObject,
  type DecodedStatement,
  type Ed25519VerifyingKey,
} from '@waxwing/core'
import type { Endpoint } from '@waxwing/client'
import type { Opened, Verdict, Viewer } from './viewer.js'

interface Signer {
  readonly key: Ed25519VerifyingKey
  readonly name: string
}

export class EndpointViewer implements Viewer {
  readonly crypto: CryptoProvider
  readonly #parts: Endpoint['parts']

  constructor({ parts }: Endpoint) {
    this.#parts = parts
    this.crypto = parts.runtime.crypto
  }

  nameOf(id: Uint8Array): string | undefined {
    const { identity, trustBook } = this.#parts
    if (toHex(id) === toHex(identity.id)) return `${identity.name}, this home`
    return trustBook.principalOf(id)?.name
  }

  open(object: DecodedObject): Opened | undefined {
    let found: Opened | undefined
    for (const { opener, stream, manifest } of this.#parts.book.byKid(toHex(object.kid))) {
      found = { stream, epochSeconds: manifest.epochSeconds, outcome: opener.open(object) }
      if (found.outcome.kind === 'opened') return found
    }
    return found
  }

  async unseal(sealed: Uint8Array): Promise<Uint8Array | undefined> {
    const { identity } = this.#parts
    const key = identity.kemKey(sealedKid(sealed))
    if (key === undefined) return undefined
    return this.unpacked(await openSealedMessage(this.crypto, sealed, { id: identity.id, key }))
  }

  unpacked(message: Uint8Array): Uint8Array {
    return this.#parts.packing.unpacked(message)
  }

  judge(statement: DecodedStatement, credential?: Uint8Array): Verdict {
    try {
      const { key, name } = this.#signerOf(statement, credential)
      this.#verify(statement, key)
      return { state: 'verified', text: `good, by ${name}` }
    } catch (error) {
      return verdictOf(error)
    }
  }

  #signerOf(statement: DecodedStatement, credential: Uint8Array | undefined): Signer {
    const { author, type, bytes } = statement
    const { trustBook } = this.#parts
    if (type === 'enrol') return this.#applicant(bytes)
    if (type === 'credential') trustBook.trust.resolveCredential(bytes)
    const anchor = this.#anchorOf(author)
    if (anchor !== undefined) return { key: anchor, name: 'the anchor' }
    const held = credential ?? trustBook.principalOf(author)?.credential ?? null
    const { key, name } = trustBook.trust.resolve(author, held)
    return { key, name }
  }

  /** Who asks to be admitted signs with the key that is to be certified. */
  #applicant(bytes: Uint8Array): Signer {
    const message = decodeMessage(this.crypto, bytes)
    if (message.type !== 'enrol') throw new TypeError('an enrolment decodes as one')
    verifyEnrol(this.crypto, message, message.envelope.issued)
    const { publicKey, name } = message.body
    const key = this.crypto.ed25519VerifyingKey(publicKey)
    return { key, name: `${name}, whom nobody vouches for yet` }
  }

  #anchorOf(author: Uint8Array): Ed25519VerifyingKey | undefined {
    const { trust } = this.#parts.trustBook
    const bundles = [trust.bundle, ...trust.partnerBundles]
    const keys = [
      ...bundles.flatMap((bundle) => (bundle?.anchors ?? []).map(({ key }) => key)),
      ...(trust.bundle?.partners ?? []).flatMap(({ anchors }) => anchors),
    ]
    const found = keys.find((key) => toHex(principalId(this.crypto, key)) === toHex(author))
    return found && this.crypto.ed25519VerifyingKey(found)
  }

  /** What was open to all, or addressed to us: the signature covers which. */
  #verify(statement: DecodedStatement, key: Ed25519VerifyingKey): void {
    try {
      verifyStatement(statement, key, null)
    } catch {
      verifyStatement(statement, key, this.#parts.identity.id)
    }
  }
}

function verdictOf(error: unknown): Verdict {
  if (!(error instanceof WaxwingError)) throw error
  if (error.code === 'ERR_NOT_TRUSTED') {
    return { state: 'unknown', text: 'nobody whom this home trusts vouches for its author' }
  }
  if (error.code === 'ERR_SIGNATURE') {
    return { state: 'bad', text: 'DOES NOT VERIFY (or it is addressed to somebody else)' }
  }
  return { state: 'unknown', text: error.message }
}
