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
  GenerationOpener,
  NodeRing,
  decodeManifest,
  toHex,
  verifyManifest,
  WaxwingError,
  type Addition,
  type Change,
  type NodeSource,
  type TreeNode,
  type Trust,
  type TrustedPrincipal,
  type VerifiedGrant,
  type VerifiedManifest,
} from '@waxwing/core'
import { Generation, type GenerationInputs } from './generation.js'
import { closeBy } from './generation-closing.js'
import { addTo, removeFrom, type GenerationIndex } from './generation-index.js'
import { mergeGeneration } from './generation-merge.js'
import { GenerationRecords, type StoredGeneration } from './generation-records.js'
import { sourceOf, type HeldGrant } from './held-grant.js'
import type { Runtime } from './runtime.js'

const OWN_SOURCE: NodeSource = { name: 'own', giver: 'own', distance: 0 }

export type GenerationListener = (generation: Generation) => void

export class GenerationBook {
  readonly #runtime: Runtime
  readonly #trust: Trust
  readonly #records: GenerationRecords
  readonly #byId = new Map<string, Generation>()
  readonly #byKid: GenerationIndex = new Map()
  /** Those that name a predecessor, by its id. */
  readonly #successors: GenerationIndex = new Map()
  /** Changed here since they were last recorded. */
  readonly #unrecorded = new Set<Generation>()
  /** Those in the store whose producer is not trusted now, by id. */
  readonly #away = new Set<string>()
  readonly #listeners = new Set<GenerationListener>()

  constructor(runtime: Runtime, trust: Trust) {
    this.#runtime = runtime
    this.#trust = trust
    this.#records = new GenerationRecords(runtime)
  }

  /** Reads everything from the store. Generations whose producer is not trusted stay away. */
  async load(): Promise<void> {
    for (const stored of await this.#records.scan()) this.#admit(stored)
  }

  /**
   * Takes over what another process on the same store recorded: its generations, and what it was
   * granted, proved or forgot of those that are known here.
   */
  async catchUp(): Promise<void> {
    for (const stored of await this.#records.scan((id) => this.#byId.get(id))) {
      const known = this.#byId.get(stored.id)
      if (known === undefined) this.#tell(this.#admit(stored))
      else this.#tryMerge(known, stored)
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
   * Makes a generation of our own, of which nothing is known here until it is recorded.
   *
   * @param nodes - Its root, or what of it was not forgotten. Copied.
   */
  makeOwn(
    manifest: VerifiedManifest,
    producer: TrustedPrincipal,
    nodes: readonly TreeNode[],
  ): Generation {
    const ring = new NodeRing(this.#runtime.crypto)
    ring.addProven(nodes, OWN_SOURCE)
    return this.#make({ manifest, producer, ring, own: true })
  }

  /**
   * Records a generation of our own, and makes other changes with it: all of that or nothing. Only
   * then is it in use, and is its predecessor closed.
   *
   * @returns `false` if an expectation of `others` was not met. Its keys are overwritten then, and
   *   also where the store refuses.
   */
  async recordOwn(generation: Generation, others: readonly Change[]): Promise<boolean> {
    let isRecorded = false
    try {
      isRecorded = await this.#write([generation], others)
    } finally {
      if (!isRecorded) generation.ring.wipe()
    }
    if (!isRecorded) return false
    const early = this.#byId.get(generation.id) // read from the store before we came to it
    if (early !== undefined) this.#unindex(early)
    this.#index(generation)
    return true
  }

  /** Finds a generation, in the store too: another process may have made it. */
  async find(id: string): Promise<Generation | undefined> {
    const known = this.#byId.get(id)
    if (known !== undefined) return known
    const stored = await this.#records.get(id)
    return this.#byId.get(id) ?? (stored && this.#admit(stored))
  }

  /**
   * Takes what a verified grant brought, and records it durably before it resolves. One whose nodes
   * all had to give way is not kept: it may come again when there is room.
   *
   * @returns The generation, and what became of the nodes.
   */
  async addGrant(
    grant: VerifiedGrant,
    held: HeldGrant,
  ): Promise<{ generation: Generation; addition: Addition }> {
    const { manifest, producer } = grant
    const known = this.#byId.get(toHex(manifest.generationId))
    const ring = known?.ring ?? new NodeRing(this.#runtime.crypto)
    const addition = ring.add(grant.nodes, sourceOf(held))
    const generation = known ?? this.#make({ manifest, producer, ring, own: false })
    if (isRefused(addition, ring, held)) return { generation, addition }
    generation.keepGrants([held])
    generation.opener.reset()
    if (known === undefined) this.#index(generation)
    try {
      await this.record([generation])
    } catch (error) {
      // Not held, so that who gave it, and is not told that it came, gives it again.
      generation.grants.delete(held.grantId)
      throw error
    }
    this.#tell(generation)
    return { generation, addition }
  }

  /** Whether generations are held whose producer is not trusted now. */
  get hasAway(): boolean {
    return this.#away.size > 0
  }

  /** Whether something changed here that the store refused to record. */
  get hasUnrecorded(): boolean {
    return this.#unrecorded.size > 0
  }

  /**
   * Records generations as they stand now, and whatever else changed since it was last recorded, and
   * makes other changes with it: all of that or nothing. What another process recorded meanwhile is
   * taken over. What could not be recorded is recorded with the next.
   *
   * @returns `false`, with nothing changed in the store, if an expectation of `others` was not met.
   */
  async record(
    generations: readonly Generation[],
    others: readonly Change[] = [],
  ): Promise<boolean> {
    for (const generation of generations) this.#unrecorded.add(generation)
    const all = [...this.#unrecorded]
    this.#unrecorded.clear()
    let isRecorded = false
    try {
      isRecorded = await this.#write(all, others)
    } finally {
      if (!isRecorded) for (const generation of all) this.#unrecorded.add(generation)
    }
    return isRecorded
  }

  /**
   * Takes account of newer trust: producers may be revoked, or known by a new name. What is held of
   * those that are trusted no more stays in the store, and comes back when they are trusted again.
   */
  async refreshTrust(): Promise<void> {
    for (const generation of this.all()) {
      try {
        const { producerId } = generation.manifest
        generation.opener.producer = this.#trust.resolve(producerId, generation.producerCredential)
      } catch (error) {
        this.#unindex(generation)
        this.#stayAway(generation.id, error)
      }
    }
    await this.catchUp()
    // Whoever was revoked now may have a successor already.
    for (const generation of this.all()) this.#closeBySuccessors(generation)
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

  /** Takes a generation from the store, if its producer is trusted. */
  #admit(stored: StoredGeneration): Generation | undefined {
    try {
      const generation = this.#restore(stored)
      this.#records.note(generation, stored)
      this.#index(generation)
      this.#away.delete(stored.id)
      return generation
    } catch (error) {
      this.#stayAway(stored.id, error)
      return undefined
    }
  }

  /** Says once why a generation is not used. */
  #stayAway(id: string, error: unknown): void {
    const isUntrusted = error instanceof WaxwingError && error.code === 'ERR_NOT_TRUSTED'
    if (!isUntrusted || !this.#away.has(id)) this.#runtime.report(error)
    if (isUntrusted) this.#away.add(id)
  }

  #write(generations: readonly Generation[], others: readonly Change[]): Promise<boolean> {
    const merge = (known: Generation, stored: StoredGeneration): void => this.#merge(known, stored)
    return this.#records.write(generations, others, merge)
  }

  #tryMerge(known: Generation, stored: StoredGeneration): void {
    try {
      this.#merge(known, stored)
    } catch (error) {
      this.#runtime.report(error)
    }
  }

  #merge(known: Generation, stored: StoredGeneration): void {
    const isNew = mergeGeneration(this.#runtime.crypto, known, stored.record)
    this.#records.note(known, stored)
    if (isNew) this.#tell(known)
  }

  #tell(generation: Generation | undefined): void {
    if (generation === undefined) return
    for (const listener of this.#listeners) listener(generation)
  }

  #make(
    inputs: Pick<GenerationInputs, 'manifest' | 'ring' | 'own'> &
      Partial<GenerationInputs> & { readonly producer: TrustedPrincipal },
  ): Generation {
    const { manifest, ring, producer } = inputs
    const { crypto } = this.#runtime
    const opener = new GenerationOpener({ crypto, trust: this.#trust, manifest, producer, ring })
    const producerCredential = producer.credential
    return new Generation({
      opener,
      producerCredential,
      grants: new Map(),
      forgottenBefore: 0,
      isUsed: false,
      ...inputs,
    })
  }

  #index(generation: Generation): void {
    const { id, kid, predecessor } = generation
    this.#byId.set(id, generation)
    addTo(this.#byKid, kid, generation)
    if (predecessor !== undefined) {
      addTo(this.#successors, predecessor, generation)
      const closed = this.#byId.get(predecessor)
      if (closed !== undefined) this.#closeBySuccessors(closed)
    }
    this.#closeBySuccessors(generation)
  }

  #unindex(generation: Generation): void {
    const { id, kid, predecessor } = generation
    this.#byId.delete(id)
    removeFrom(this.#byKid, kid, generation)
    if (predecessor !== undefined) removeFrom(this.#successors, predecessor, generation)
    this.#unrecorded.delete(generation)
  }

  /** A successor that is known already closes a generation that is learnt of late. */
  #closeBySuccessors(generation: Generation): void {
    for (const successor of this.#successors.get(generation.id) ?? []) {
      if (closeBy(successor, generation, this.#trust)) this.#unrecorded.add(generation)
    }
  }

  #restore({ record }: StoredGeneration): Generation {
    const { own, grants, closingEpoch, forgottenBefore, isUsed } = record
    const { crypto } = this.#runtime
    const ring = NodeRing.restore(crypto, record.ring)
    const manifest = decodeManifest(crypto, record.manifest)
    const producer = this.#trust.resolve(manifest.producerId, record.producerCredential)
    const generation = this.#make({
      manifest: verifyManifest(manifest, producer.key),
      producer,
      ring,
      own,
      forgottenBefore,
      isUsed,
      grants: new Map(grants.map((grant) => [grant.grantId, grant])),
    })
    if (closingEpoch !== null) generation.close(closingEpoch)
    return generation
  }
}

/** Whether nothing of a grant was taken, for no fault of its own. */
function isRefused(addition: Addition, ring: NodeRing, held: HeldGrant): boolean {
  const { refused, displaced, contradicts } = addition
  const isFull = refused.length > 0 && displaced.length === 0 && contradicts.length === 0
  return isFull && ring.grantable(held.grantId).length === 0
}
