// SPDX-License-Identifier: Apache-2.0
/**
 * Opening the objects of one generation with whatever keys are held for it
 * (`docs/spec/08-receiving.md` Section 8.1).
 *
 * Only {@link GenerationOpener.open} makes an {@link OpenedObject}: key, signature, producer, epoch
 * and closing were all checked. An object that opens proves the node that covers it.
 *
 * @module
 */

import { concatBytes, equalBytes, toHex } from '../bytes.js'
import { ALG_AES_CCM_16_64_128, type CryptoProvider } from '../crypto/provider.js'
import { WaxwingError } from '../errors.js'
import type { Trust, TrustedPrincipal } from '../identity/trust.js'
import type { Candidate, NodeRing } from '../key-tree/node-ring.js'
import { BatchVerifier } from '../object/batch-signature.js'
import type { DecodedObject } from '../object/decode.js'
import type { Metadata } from '../object/metadata.js'
import { ObjectOpener, type OpenedText } from '../object/open.js'
import type { VerifiedManifest } from '../stream/manifest.js'
import { FailureCounts } from './failure-counts.js'

/** Openers that stand ready per generation: one a session and epoch in use. */
const MAX_OPENERS = 64
const MAX_FAILURES: number = 2 ** 36
const MAX_FAILURES_SHORT_TAG: number = 2 ** 20
const DIGEST_BYTES = 8

declare const verified: unique symbol

/** An object that was opened and verified. */
export interface OpenedObject {
  readonly kind: 'opened'
  readonly manifest: VerifiedManifest
  readonly producer: TrustedPrincipal
  readonly epoch: number
  /** 7 bytes; empty in durable-counter mode. */
  readonly session: Uint8Array
  readonly counter: number
  readonly metadata: Metadata
  /** A view whose buffer may hold other messages of the session, too: see `ObjectOpener`. */
  readonly plaintext: Uint8Array
  /** Authenticated, and readable by everyone. */
  readonly clearPart: Uint8Array | undefined
  /** `false` in streams whose signature mode is `none`: any reader could have written it. */
  readonly signed: boolean
  /** The grants that brought the key. */
  readonly sources: readonly string[]
  /** Grants whose nodes this object proved wrong. */
  readonly disproved: readonly string[]
  readonly [verified]: true
}

export type OpenOutcome =
  | OpenedObject
  /** No node covers the epoch: a grant is wanted. */
  | { readonly kind: 'no-key' }
  /** Keys are held, and none opens it. With only provisional nodes that may be their fault. */
  | { readonly kind: 'failed'; readonly provisional: boolean }
  /** It is authentic, and yet does not count. */
  | { readonly kind: 'refused'; readonly error: WaxwingError }

export interface GenerationOpenerInputs {
  readonly crypto: CryptoProvider
  readonly trust: Trust
  readonly manifest: VerifiedManifest
  readonly producer: TrustedPrincipal
  readonly ring: NodeRing
  /**
   * Failures after which forging under a key gets too likely (RFC 9053 Section 4). Default 2^36, or
   * 2^20 where tags have 8 bytes.
   */
  readonly maxFailures?: number
}

/**
 * The digest under which a counter is remembered (Section 8.2): SHA-256 of protected header and
 * ciphertext, cut to 8 bytes.
 */
export function objectDigest(
  crypto: Pick<CryptoProvider, 'sha256'>,
  { protectedBytes, ciphertext }: DecodedObject,
): Uint8Array {
  return crypto.sha256(concatBytes(protectedBytes, ciphertext)).slice(0, DIGEST_BYTES)
}

export class GenerationOpener {
  /** The last epoch that counts, once a successor closed this generation. */
  closingEpoch: number | undefined
  /** Replaced when the trust bundle changed what is known of the producer. */
  producer: TrustedPrincipal
  readonly #inputs: GenerationOpenerInputs
  readonly #maxFailures: number
  readonly #batches: BatchVerifier | undefined
  /** Under all keys of the generation, also those that no longer stand ready. */
  #failures = 0
  /** Of the keys that no longer stand ready, where nothing is signed. */
  readonly #earlier = new FailureCounts()
  readonly #openers = new Map<string, ReadyOpener[]>()
  #latest: { epoch: number; session: Uint8Array; ready: ReadyOpener[] } | undefined

  constructor(inputs: GenerationOpenerInputs) {
    this.#inputs = inputs
    const isShort = inputs.manifest.alg === ALG_AES_CCM_16_64_128
    this.#maxFailures = inputs.maxFailures ?? (isShort ? MAX_FAILURES_SHORT_TAG : MAX_FAILURES)
    this.producer = inputs.producer
    const { signatureMode, generationId } = inputs.manifest
    if (signatureMode === 'batch') this.#batches = new BatchVerifier(inputs.crypto, generationId)
  }

  /** Tries to open an object whose kid is this generation's. */
  open(object: DecodedObject): OpenOutcome {
    const ready = this.#openersFor(object)
    if (ready.length === 0) return { kind: 'no-key' }
    for (const { candidate, opener } of ready) {
      const text = this.#tryOpen(opener, object)
      if (text === undefined) continue
      const disproved = this.#prove(candidate)
      const error = this.#refusal(object)
      if (error !== undefined) return { kind: 'refused', error }
      return this.#opened(object, text, candidate, disproved)
    }
    return { kind: 'failed', provisional: ready.every((r) => r.candidate.state === 'provisional') }
  }

  /** Says that an object will be opened soon: its signature may be verified meanwhile. */
  expect(object: DecodedObject): void {
    const { crypto, manifest } = this.#inputs
    if (this.producer.key.verifyAhead === undefined) return
    if (!crypto.aeads.has(manifest.alg)) return // that is said when it is opened
    const [ready] = this.#openersFor(object)
    ready?.opener.expect(object)
  }

  /**
   * Drops the keys that stand ready: after nodes were added or forgotten. What failed under them
   * stays counted, so that nobody undoes the limit by having something granted.
   */
  reset(): void {
    for (const key of this.#openers.keys()) this.#drop(key)
    this.#latest = undefined
  }

  #openersFor({ epoch, session }: DecodedObject): ReadyOpener[] {
    const latest = this.#latest
    if (latest?.epoch === epoch && equalBytes(latest.session, session)) return latest.ready
    const key = `${epoch}/${toHex(session)}`
    let ready = this.#openers.get(key)
    if (ready === undefined) {
      ready = this.#makeOpeners(epoch, session)
      if (ready.length === 0) return ready
      this.#makeRoom()
      this.#openers.set(key, ready)
    }
    this.#latest = { epoch, session: session.slice(), ready }
    return ready
  }

  #makeOpeners(epoch: number, session: Uint8Array): ReadyOpener[] {
    const { crypto, manifest, ring } = this.#inputs
    return ring.candidates(epoch).map((candidate) => {
      const leaf = candidate.leaf()
      const producerKey = this.producer.key
      const batches = this.#batches
      const opener = new ObjectOpener({
        crypto,
        manifest,
        producerKey,
        leaf,
        epoch,
        session,
        batches,
      })
      leaf.fill(0)
      opener.failures = this.#earlier.of(opener.keyName)
      return { candidate, opener }
    })
  }

  /** Drops the one that was made first. */
  #makeRoom(): void {
    if (this.#openers.size < MAX_OPENERS) return
    for (const oldest of this.#openers.keys()) {
      this.#drop(oldest)
      return
    }
  }

  #drop(key: string): void {
    const ready = this.#openers.get(key) ?? []
    this.#openers.delete(key)
    if (this.#inputs.manifest.signatureMode !== 'none') return
    for (const { opener } of ready) this.#earlier.keep(opener.keyName, opener.failures)
  }

  /**
   * A key under which too much failed is used only for what the producer signed. There the count is
   * of all keys together, which costs nothing but the order of two checks. Without signatures the
   * key is given up.
   */
  #tryOpen(opener: ObjectOpener, object: DecodedObject): OpenedText | undefined {
    const isSigned = this.#inputs.manifest.signatureMode !== 'none'
    const isWorn = (isSigned ? this.#failures : opener.failures) >= this.#maxFailures
    if (isWorn && !isSigned) return undefined
    const before = opener.failures
    const text = opener.open(object, isWorn)
    this.#failures += opener.failures - before
    return text
  }

  /** In streams without signatures an object proves nothing: any reader could have made it. */
  #prove(candidate: Candidate): readonly string[] {
    if (candidate.state === 'proven' || this.#inputs.manifest.signatureMode === 'none') return []
    const disproved = this.#inputs.ring.prove(candidate)
    this.reset()
    return disproved
  }

  #refusal({ epoch }: DecodedObject): WaxwingError | undefined {
    const { trust, manifest } = this.#inputs
    if (this.closingEpoch !== undefined && epoch > this.closingEpoch) {
      return new WaxwingError(
        'ERR_CLOSED_GENERATION',
        'the generation was closed before this epoch',
      )
    }
    try {
      trust.checkEpoch(this.producer, epoch * manifest.epochSeconds)
      return undefined
    } catch (error) {
      if (error instanceof WaxwingError) return error
      throw error
    }
  }

  #opened(
    object: DecodedObject,
    text: OpenedText,
    candidate: Candidate,
    disproved: readonly string[],
  ): OpenedObject {
    const { manifest } = this.#inputs
    const opened: Omit<OpenedObject, typeof verified> = {
      kind: 'opened',
      manifest,
      producer: this.producer,
      epoch: object.epoch,
      session: object.session,
      counter: object.counter,
      metadata: text.metadata,
      plaintext: text.plaintext,
      clearPart: object.clearPart,
      signed: manifest.signatureMode !== 'none',
      sources: candidate.sources,
      disproved,
    }
    return opened as OpenedObject
  }
}

interface ReadyOpener {
  readonly candidate: Candidate
  readonly opener: ObjectOpener
}
