// SPDX-License-Identifier: Apache-2.0
/**
 * All generations of which this endpoint holds keys: its own streams' and those it was granted.
 *
 * The one place where keys enter, are proven and are forgotten; everything is in memory and, at each
 * change, in the store. Objects find their generation here by kid, requests by kid, grants by id.
 *
 * @module
 */

import {
  ArrayFields,
  epochAt,
  GenerationOpener,
  kidOf,
  NodeRing,
  decodeManifest,
  toHex,
  verifyManifest,
  type Addition,
  type CborValue,
  type Change,
  type TreeNode,
  type Trust,
  type TrustedPrincipal,
  type VerifiedGrant,
  type VerifiedManifest,
} from '@waxwing/core'
import { mergeGeneration } from './generation-merge.js'
import { grantFromCbor, grantToCbor, pruneGrants, type HeldGrant } from './held-grant.js'
import { Table } from './table.js'
import type { Runtime } from './runtime.js'

export type { HeldGrant } from './held-grant.js'

/** The name under which one's own keys stand in the ring. */
const OWN_SOURCE = 'own'

export class Generation {
  /** In hex. */
  readonly id: string
  readonly manifest: VerifiedManifest
  readonly ring: NodeRing
  readonly opener: GenerationOpener
  /** Whether we are its producer. */
  readonly own: boolean
  readonly grants: Map<string, HeldGrant>
  /** The credential by which its producer was known; `null` if it is pinned. */
  readonly producerCredential: Uint8Array | null

  constructor(inputs: {
    manifest: VerifiedManifest
    ring: NodeRing
    opener: GenerationOpener
    own: boolean
    grants: Map<string, HeldGrant>
    producerCredential: Uint8Array | null
  }) {
    this.id = toHex(inputs.manifest.generationId)
    this.manifest = inputs.manifest
    this.ring = inputs.ring
    this.opener = inputs.opener
    this.own = inputs.own
    this.grants = inputs.grants
    this.producerCredential = inputs.producerCredential
  }

  get producer(): TrustedPrincipal {
    return this.opener.producer
  }

  get stream(): string {
    return this.manifest.streamName
  }

  /** In hex. */
  get kid(): string {
    return toHex(kidOf(this.manifest))
  }

  /** The last epoch that counts, once a successor closed it. */
  get closingEpoch(): number | undefined {
    return this.opener.closingEpoch
  }
}

export type GenerationListener = (generation: Generation) => void

export class GenerationBook {
  readonly #runtime: Runtime
  readonly #trust: Trust
  readonly #table: Table<CborValue>
  readonly #byId = new Map<string, Generation>()
  readonly #byKid = new Map<string, Generation[]>()
  readonly #listeners = new Set<GenerationListener>()

  constructor(runtime: Runtime, trust: Trust) {
    this.#runtime = runtime
    this.#trust = trust
    const identity = { toCbor: (value: CborValue) => value, fromCbor: (value: CborValue) => value }
    this.#table = new Table(runtime.store, 'generation', identity)
  }

  /** Reads everything from the store. Generations whose producer is no longer trusted stay away. */
  async load(): Promise<void> {
    for (const { record } of await this.#table.scan()) {
      try {
        this.#index(this.#restore(record))
      } catch (error) {
        this.#runtime.report(error)
      }
    }
  }

  /**
   * Takes over what another process on the same store recorded: its generations, and what it was
   * granted, proved or forgot of those that are known here.
   */
  async catchUp(): Promise<void> {
    for (const { record } of await this.#table.scan()) {
      try {
        const stored = this.#restore(record)
        const known = this.#byId.get(stored.id)
        if (known === undefined) this.#index(stored)
        else if (!mergeGeneration(known, stored)) continue
        for (const listener of this.#listeners) listener(known ?? stored)
      } catch (error) {
        this.#runtime.report(error)
      }
    }
  }

  /** Calls the listener whenever keys were added. Returns a function that removes it. */
  onKeys(listener: GenerationListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  byId(id: string): Generation | undefined {
    return this.#byId.get(id)
  }

  /** All generations that a kid, in hex, may mean. */
  byKid(kid: string): readonly Generation[] {
    return this.#byKid.get(kid) ?? []
  }

  byStream(stream: string): readonly Generation[] {
    return this.all().filter((generation) => generation.stream === stream)
  }

  all(): readonly Generation[] {
    return [...this.#byId.values()]
  }

  /**
   * Takes a generation of our own.
   *
   * @param nodes - Its root, or what of it was not forgotten. Copied.
   * @returns The generation, and the changes that record it and close its predecessor: nothing is
   *   written here.
   */
  addOwn(
    manifest: VerifiedManifest,
    producer: TrustedPrincipal,
    nodes: readonly TreeNode[],
  ): { generation: Generation; changes: readonly Change[] } {
    const ring = new NodeRing(this.#runtime.crypto)
    ring.addProven(nodes, OWN_SOURCE)
    const generation = this.#make(manifest, producer, ring, { own: true })
    this.#index(generation)
    return { generation, changes: [this.change(generation), ...this.#closePredecessor(generation)] }
  }

  /** Takes back a generation of our own that could not be recorded. */
  discard(generation: Generation): void {
    const { id, kid, ring } = generation
    this.#byId.delete(id)
    this.#byKid.set(
      kid,
      this.byKid(kid).filter((other) => other.id !== id),
    )
    ring.wipe()
  }

  /** Finds a generation, in the store too: another process may have made it. */
  async find(id: string): Promise<Generation | undefined> {
    const known = this.#byId.get(id)
    if (known !== undefined) return known
    const record = await this.#table.get(id)
    if (record === undefined) return undefined
    const meanwhile = this.#byId.get(id)
    if (meanwhile !== undefined) return meanwhile
    const generation = this.#restore(record)
    this.#index(generation)
    return generation
  }

  /**
   * Takes what a verified grant brought, and records it durably before it resolves.
   *
   * @returns The generation, and what became of the nodes.
   */
  async addGrant(
    grant: VerifiedGrant,
    held: HeldGrant,
  ): Promise<{ generation: Generation; addition: Addition }> {
    const id = toHex(grant.manifest.generationId)
    const known = this.#byId.get(id)
    const ring = known?.ring ?? new NodeRing(this.#runtime.crypto)
    const addition = ring.add(grant.nodes, held.grantId)
    const generation = known ?? this.#make(grant.manifest, grant.producer, ring, { own: false })
    generation.grants.set(held.grantId, held)
    pruneGrants(generation.grants, held.received)
    generation.opener.reset()
    if (known === undefined) this.#index(generation)
    await this.#runtime.store.write([
      this.change(generation),
      ...this.#closePredecessor(generation),
    ])
    for (const listener of this.#listeners) listener(generation)
    return { generation, addition }
  }

  /** The change that records a generation as it stands now. */
  change(generation: Generation): Change {
    const { manifest, own, producerCredential, ring, grants, closingEpoch } = generation
    return this.#table.put(generation.id, [
      manifest.bytes,
      own,
      producerCredential,
      ring.serialize(),
      [...grants.values()].map(grantToCbor),
      closingEpoch ?? null,
    ])
  }

  /** Records a generation as it stands now. */
  async save(generation: Generation): Promise<void> {
    await this.#runtime.store.write([this.change(generation)])
  }

  /** Forgets what lies before an epoch, in memory; the caller saves. */
  forgetBefore(generation: Generation, epoch: number): void {
    generation.ring.forgetBefore(epoch)
    generation.opener.reset()
  }

  /** Takes account of a newer trust bundle: producers may be revoked, or known by a new name. */
  refreshTrust(): void {
    for (const generation of this.#byId.values()) {
      try {
        const { producerId } = generation.manifest
        generation.opener.producer = this.#trust.resolve(producerId, generation.producerCredential)
      } catch {
        // Its anchor is no longer trusted: what was known of it stays, and grants are refused.
      }
    }
    // Whoever was revoked now may have a successor already.
    for (const generation of this.#byId.values()) this.#closeBySuccessor(generation)
  }

  /** Producers, in base64url order of finding, that use one stream name and that nobody revoked. */
  writersOf(stream: string): readonly TrustedPrincipal[] {
    const writers = new Map<string, TrustedPrincipal>()
    for (const { producer } of this.byStream(stream)) {
      if (this.#trust.revokedSince(producer) === undefined)
        writers.set(toHex(producer.id), producer)
    }
    return [...writers.values()]
  }

  #make(
    manifest: VerifiedManifest,
    producer: TrustedPrincipal,
    ring: NodeRing,
    { own, grants = new Map() }: { own: boolean; grants?: Map<string, HeldGrant> },
  ): Generation {
    const { crypto } = this.#runtime
    const opener = new GenerationOpener({ crypto, trust: this.#trust, manifest, producer, ring })
    const producerCredential = producer.credential
    return new Generation({ manifest, ring, opener, own, grants, producerCredential })
  }

  #index(generation: Generation): void {
    this.#byId.set(generation.id, generation)
    const { kid } = generation
    this.#byKid.set(kid, [...(this.#byKid.get(kid) ?? []), generation])
    this.#closeBySuccessor(generation)
  }

  /** A successor that is known already closes a generation that is learnt of late. */
  #closeBySuccessor(generation: Generation): void {
    for (const successor of this.#byId.values()) this.#close(successor, generation)
  }

  /** Closes the predecessor that a generation's manifest names. Returns the change to record. */
  #closePredecessor(successor: Generation): readonly Change[] {
    const { predecessor } = successor.manifest
    const generation = predecessor && this.#byId.get(toHex(predecessor.generationId))
    return generation && this.#close(successor, generation) ? [this.change(generation)] : []
  }

  /**
   * Only a manifest of the same producer closes a generation; once that producer is revoked, also one
   * of whoever follows it under the same name, but not from before the revocation
   * (`docs/spec/03-streams.md` Section 3.4).
   */
  #close(successor: Generation, generation: Generation): boolean {
    const { predecessor, producerId } = successor.manifest
    if (!predecessor || predecessor.closingEpoch === null) return false
    if (toHex(predecessor.generationId) !== generation.id) return false
    let { closingEpoch } = predecessor
    if (toHex(producerId) !== toHex(generation.manifest.producerId)) {
      if (successor.stream !== generation.stream) return false
      const since = this.#trust.revokedSince(generation.producer)
      if (since === undefined) return false
      closingEpoch = Math.max(closingEpoch, epochAt(since * 1000, generation.manifest.epochSeconds))
    }
    const { opener } = generation
    opener.closingEpoch = Math.min(opener.closingEpoch ?? Infinity, closingEpoch)
    return true
  }

  #restore(record: CborValue): Generation {
    const list = new ArrayFields('generation record', record)
    const manifestBytes = list.bytes(0, 'manifest')
    const own = list.bool(1, 'own')
    const credential = list.bytesOrNull(2, 'credential')
    const { crypto } = this.#runtime
    const ring = NodeRing.restore(crypto, list.array(3, 'ring'))
    const grants = list.array(4, 'grants').map(grantFromCbor)
    const closingEpoch = list.uintOrNull(5, 'closing epoch')
    list.end()
    const manifest = decodeManifest(crypto, manifestBytes)
    const producer = this.#trust.resolve(manifest.producerId, credential)
    const verified = verifyManifest(manifest, producer.key)
    const held = new Map(grants.map((grant) => [grant.grantId, grant]))
    const generation = this.#make(verified, producer, ring, { own, grants: held })
    if (closingEpoch !== null) generation.opener.closingEpoch = closingEpoch
    return generation
  }
}
