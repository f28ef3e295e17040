// SPDX-License-Identifier: Apache-2.0
/**
 * Streams made by hand, for the tests of what reads them: generations in a book, with the keys that a
 * test wants, and producers that seal at any epoch, session and counter.
 *
 * @module
 */

import {
  encodeMetadata,
  nodesFor,
  ObjectSealer,
  principalId,
  rootNode,
  signManifest,
  utf8,
  type Ed25519SigningKey,
  type ManifestFields,
  type Metadata,
  type Span,
  type Store,
  type TreeNode,
  type Trust,
  type TrustedPrincipal,
  type VerifiedGrant,
  type VerifiedManifest,
} from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import type { WaxwingEvent } from '../../src/events.js'
import type { GenerationBook } from '../../src/generation-book.js'
import type { HeldGrant } from '../../src/held-grant.js'
import type { KeyRequests, Wanted } from '../../src/key-requests.js'
import type { Runtime } from '../../src/runtime.js'
import {
  fixedClock,
  manualTimers,
  memoryStore,
  type FixedClock,
  type ManualTimers,
} from '../../src/testing.js'
import { TimeKeeper } from '../../src/time-keeper.js'

const crypto = sodiumProvider

/** The moment at which tests begin, in seconds since 1970: the start of an hourly epoch. */
export const NOW = 1_800_000_000
export const HOUR = 3600
/** The epoch of {@link NOW} where epochs last an hour. */
export const EPOCH: number = NOW / HOUR
export const STREAM = 'plant/1/temperature'
/** A day and a half of epochs around {@link EPOCH}. */
export const SPAN: Span = { first: EPOCH - 24, last: EPOCH + 12 }

export interface TestRuntime extends Runtime {
  readonly clock: FixedClock
  readonly timers: ManualTimers
  /** Everything that was emitted. */
  readonly events: WaxwingEvent[]
  /** Everything that failed in the background. */
  readonly errors: unknown[]
}

export function testRuntime(
  store: Store = memoryStore(),
  startMs: number = NOW * 1000,
  clock: FixedClock = fixedClock(startMs),
): TestRuntime {
  const events: WaxwingEvent[] = []
  const errors: unknown[] = []
  return {
    crypto,
    store,
    clock,
    time: new TimeKeeper({ clock }),
    timers: manualTimers(clock),
    events,
    errors,
    emit: (event) => void events.push(event),
    report: (error) => void errors.push(error),
  }
}

/** Key requests that only write down what is wanted. */
export class RecordedRequests implements KeyRequests {
  readonly wanted: Wanted[] = []
  readonly #listeners = new Set<Parameters<KeyRequests['onDenial']>[0]>()

  want(wanted: Wanted): boolean {
    this.wanted.push(wanted)
    return true
  }

  makeRequest(wanted: Wanted): Promise<Uint8Array> {
    this.wanted.push(wanted)
    return Promise.resolve(utf8(`request for ${wanted.kid}`))
  }

  onDenial(listener: Parameters<KeyRequests['onDenial']>[0]): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  deny(...denial: Parameters<Parameters<KeyRequests['onDenial']>[0]>): void {
    for (const listener of this.#listeners) listener(...denial)
  }
}

export interface TestStream {
  readonly manifest: VerifiedManifest
  readonly producer: TrustedPrincipal
  readonly signingKey: Ed25519SigningKey
  readonly root: Uint8Array
  /** In hex. */
  readonly kid: string
}

/** A seed of 32 bytes that follows from a name. */
export function seedOf(name: string): Uint8Array {
  return crypto.sha256(utf8(`waxwing test: ${name}`))
}

/** A stream of a pinned producer. The same names give the same stream. */
export function makeStream(
  trust: Trust,
  options: { producer?: string; nonce?: number; fields?: Partial<ManifestFields> } = {},
): TestStream {
  const { producer: name = 'thermometer', nonce = 1, fields = {} } = options
  const signingKey = crypto.ed25519SigningKey(seedOf(name))
  const { publicKey } = signingKey
  const known = trust.pinned(principalId(crypto, publicKey))
  const producer = known ?? trust.pin({ publicKey, name, produces: ['#'] })
  const manifest = signManifest(
    crypto,
    {
      domainId: null,
      producerId: producer.id,
      streamName: STREAM,
      nonce: new Uint8Array(16).fill(nonce),
      epochSeconds: HOUR,
      alg: 24,
      kidBytes: 8,
      counterMode: 'session',
      signatureMode: 'each',
      historyMode: 'keep',
      predecessor: null,
      ...fields,
    },
    signingKey,
  )
  const root = seedOf(`root ${name} ${nonce}`)
  const kid = Buffer.from(manifest.generationId.subarray(0, manifest.kidBytes)).toString('hex')
  return { manifest, producer, signingKey, root, kid }
}

/** The nodes that cover a span. */
function nodesOf(root: Uint8Array, span: Span): readonly TreeNode[] {
  const nodes = nodesFor(crypto, [rootNode(root)], span)
  if (nodes === undefined) throw new RangeError('a root leads to every node')
  return nodes
}

/** A grant as it would come out of verification. */
export function grantOf(
  stream: TestStream,
  options: { span?: Span; id?: string; root?: Uint8Array } = {},
): { grant: VerifiedGrant; held: HeldGrant } {
  const { span = SPAN, id = 'grant-1', root = stream.root } = options
  const { manifest, producer } = stream
  const grant: Partial<VerifiedGrant> = { manifest, producer, nodes: nodesOf(root, span) }
  const held: HeldGrant = {
    grantId: id,
    chain: [],
    span,
    rights: 'read',
    depth: 0,
    end: null,
    received: NOW,
    issuers: ['granter'],
    kem: 'x25519',
  }
  return { grant: grant as VerifiedGrant, held }
}

/** Gives a book the keys of a stream. */
export async function giveKeys(
  book: GenerationBook,
  stream: TestStream,
  options: Parameters<typeof grantOf>[1] = {},
): Promise<void> {
  const { grant, held } = grantOf(stream, options)
  await book.addGrant(grant, held)
}

export interface SealOptions {
  readonly metadata?: Metadata
  readonly clearPart?: Uint8Array
  /** Under other keys than the stream's. */
  readonly root?: Uint8Array
}

/** Seals the objects of one session, at any counter. */
export class SessionSealer {
  readonly stream: TestStream
  readonly epoch: number
  readonly session: Uint8Array
  readonly #leaves = new Map<string, Uint8Array>()

  constructor(stream: TestStream, options: { session?: number; epoch?: number } = {}) {
    this.stream = stream
    this.epoch = options.epoch ?? EPOCH
    const { counterMode } = stream.manifest
    this.session = new Uint8Array(counterMode === 'session' ? 7 : 0).fill(options.session ?? 1)
  }

  /** In hex. */
  get name(): string {
    return Buffer.from(this.session).toString('hex')
  }

  #leafFrom(root: Uint8Array): Uint8Array {
    const name = Buffer.from(root).toString('hex')
    const known = this.#leaves.get(name)
    if (known !== undefined) return known
    const [leaf] = nodesOf(root, { first: this.epoch, last: this.epoch })
    if (leaf === undefined) throw new RangeError('a span has a cover')
    this.#leaves.set(name, leaf.key)
    return leaf.key
  }

  /** Seals text under a counter. The same arguments give the same object. */
  seal(counter: number, text = `message ${counter}`, options: SealOptions = {}): Uint8Array {
    const { manifest, signingKey, root } = this.stream
    const leaf = this.#leafFrom(options.root ?? root)
    const isSigned = manifest.signatureMode !== 'none'
    const { epoch, session } = this
    const key = isSigned ? signingKey : undefined
    const inputs = { crypto, manifest, leaf, epoch, session, signingKey: key }
    const sealer = new ObjectSealer(inputs, counter)
    const metadata = encodeMetadata(options.metadata ?? {})
    const { clearPart } = options
    return sealer.seal({ metadata, plaintext: utf8(text), clearPart })
  }
}
