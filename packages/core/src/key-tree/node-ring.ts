// SPDX-License-Identifier: Apache-2.0
/**
 * All nodes that are held for one generation (`docs/spec/07-granting.md` Section 7.5.3).
 *
 * Whoever grants may hand out wrong nodes, by fault or on purpose. So a node is provisional until a
 * verified object proves it, and that node only; several candidates are kept per epoch, shared
 * among those who gave them; a proven node is never overwritten; what contradicts it is refused and
 * its source named. In streams without signatures nothing proves a node: the caller never calls
 * {@link NodeRing.prove}, and all candidates stay.
 *
 * Invariants: no proven node lies above another; no provisional node lies at or below a proven one,
 * and one above leads to it. A node that leads to a true one is true, or HMAC is broken; so a
 * proven node that a newly proven one leads to can go, without its key being lost. For the same
 * reason whoever gave a node answers for one that leads to it, and is among its sources.
 *
 * The ring copies the keys that it is given, owns its copies and overwrites what it drops.
 *
 * @module
 */

import { coverOf, spanOfNode, TREE_DEPTH, type NodePosition } from './cover.js'
import { remainder } from './forgetting.js'
import { HeldNode, type NodeState } from './held-node.js'
import { LeafDeriver } from './leaf-deriver.js'
import { NodeIndex } from './node-index.js'
import { formatNodes, parseNodes, type HeldNodeForm } from './node-ring-form.js'
import { assertSource, type NodeSource } from './node-source.js'
import { ProvisionalNodes, type Crowding } from './provisional-nodes.js'
import { assertEpoch, mergeSpans, type Span } from './span.js'
import { assertNode, type TreeCrypto, type TreeNode } from './tree.js'

export type { HeldNodeForm, NodeSource, NodeState }

export interface NodeRingOptions {
  /** The most provisional candidates per epoch. Default 8. */
  readonly maxCandidates?: number
  /** The most provisional nodes. Default 4096. */
  readonly maxProvisional?: number
}

/** What became of nodes that were added. */
export interface Addition {
  /** How many of them brought keys that were not held. */
  readonly added: number
  /** Epochs for which a node was refused because a limit was reached, and no other gave way. */
  readonly refused: readonly Span[]
  /** Sources of the provisional nodes that gave way to them, wholly or in part. */
  readonly displaced: readonly string[]
  /** Sources of the proven nodes that some of them contradict. If any, the giver is convicted. */
  readonly contradicts: readonly string[]
  /** Sources of the provisional nodes that were dropped because they contradict a proven one. */
  readonly disproved: readonly string[]
}

/** A node whose leaf may open the objects of an epoch. */
export interface Candidate extends NodePosition {
  readonly state: NodeState
  /** Which grants brought the node, or what it leads to, the earliest first. */
  readonly sources: readonly string[]
  /**
   * Derives the leaf of the epoch that was asked for: 32 new bytes, owned by the caller.
   *
   * @throws {WaxwingError} `ERR_KEY_UNKNOWN` if the ring has dropped the node since.
   */
  leaf(): Uint8Array
}

export class NodeRing {
  readonly #crypto: TreeCrypto
  readonly #proven = new NodeIndex<HeldNode>()
  readonly #provisional: ProvisionalNodes
  readonly #nodeOf = new WeakMap<Candidate, HeldNode>()
  #nextAge = 0

  /** @throws {RangeError} If a limit is not a positive integer. */
  constructor(crypto: TreeCrypto, options: NodeRingOptions = {}) {
    const { maxCandidates = 8, maxProvisional = 4096 } = options
    assertLimit(maxCandidates, 'maxCandidates')
    assertLimit(maxProvisional, 'maxProvisional')
    this.#crypto = crypto
    const limits = { maxCandidates, maxProvisional }
    this.#provisional = new ProvisionalNodes(crypto, this.#proven, limits)
  }

  /**
   * Restores what {@link serialize} gave. Form and positions are checked; that the keys agree is
   * left to the store, which keeps them authentic. Keys are copied.
   *
   * @throws {WaxwingError} `ERR_MALFORMED` if `form` is anything else.
   */
  static restore(crypto: TreeCrypto, form: unknown, options: NodeRingOptions = {}): NodeRing {
    const ring = new NodeRing(crypto, options)
    parseNodes(form, (node, state, sources) => {
      const isProven = state === 'proven'
      if (ring.#proven.above(node).length > 0) return false
      if (isProven && ring.#proven.below(node).length > 0) return false
      const held = new HeldNode(crypto, node, { state, sources, age: ring.#nextAge++ })
      ring.#indexOf(state).add(held)
      return true
    })
    return ring
  }

  get isEmpty(): boolean {
    return this.#proven.count + this.#provisional.count === 0
  }

  /**
   * Takes the nodes of a grant as candidates.
   *
   * A node that does not agree with a proven one at, above or below it is refused whole. One that
   * the ring already leads to adds nothing. Where an epoch has one candidate too many, one gives way
   * for that epoch: see `weakestOf` in `candidate-places.ts`. A newcomer is kept for the others.
   *
   * @throws {RangeError} If one of `nodes` is no node, or `source` is none; nothing was changed.
   */
  add(nodes: readonly TreeNode[], source: NodeSource): Addition {
    const crowding: Crowding = { refused: [], displaced: new Set() }
    const addition = this.#addEach(nodes, source, (node) => this.#provisional.take(node, crowding))
    const { refused, displaced } = crowding
    return {
      ...addition,
      refused: mergeSpans(refused),
      displaced: [...displaced].filter((name) => name !== source.name),
      disproved: [],
    }
  }

  /**
   * Takes nodes that the caller made itself, as proven at once.
   *
   * @throws {RangeError} If one of `nodes` is no node, or `source` is none; nothing was changed.
   */
  addProven(nodes: readonly TreeNode[], source: NodeSource): Addition {
    const disproved = new Set<string>()
    const addition = this.#addEach(nodes, source, (node) => {
      for (const wrong of this.#settle(node)) disproved.add(wrong)
      return true
    })
    return { ...addition, refused: [], displaced: [], disproved: [...disproved] }
  }

  /**
   * Finds what may open an epoch's objects: the proven node alone where there is one, otherwise the
   * candidates, the earliest first.
   *
   * @throws {RangeError} If `epoch` is none.
   */
  candidates(epoch: number): readonly Candidate[] {
    assertEpoch(epoch)
    const position = { depth: TREE_DEPTH, index: epoch }
    return this.#heldAbove(position).map((node) => {
      const { depth, index, state } = node
      const sources = node.names
      const candidate = { depth, index, state, sources, leaf: () => node.keyOf(position) }
      this.#nodeOf.set(candidate, node)
      return candidate
    })
  }

  /**
   * Marks the node of a candidate, and that node only, proven: its leaf opened an object, and the
   * object's signature verified. Does nothing if it is proven already or no longer held.
   *
   * @returns The sources of the candidates that contradict it and are dropped: evidence.
   * @throws {TypeError} If the candidate is not of this ring.
   */
  prove(candidate: Candidate): readonly string[] {
    const node = this.#nodeOf.get(candidate)
    if (node === undefined) throw new TypeError('candidate must come from this ring')
    if (node.state === 'proven' || !this.#provisional.delete(node)) return []
    return [...this.#settle(node)]
  }

  /** Says whether a proven node covers an epoch. @throws {RangeError} If `epoch` is none. */
  hasProven(epoch: number): boolean {
    assertEpoch(epoch)
    return this.#proven.above({ depth: TREE_DEPTH, index: epoch }).length > 0
  }

  /** Finds the epochs that are held, in order and merged: all, or those of one state. */
  spans(state?: NodeState): readonly Span[] {
    return mergeSpans(this.#held(state).map(spanOfNode))
  }

  /**
   * Finds the epochs whose nodes may be granted on: those that are proven and, of the others, those
   * that one grant brought. In order and merged.
   *
   * @param source - The name of the grant under which is granted on.
   */
  grantable(source?: string): readonly Span[] {
    return mergeSpans(
      this.#held()
        .filter((node) => mayGrant(node, source))
        .map(spanOfNode),
    )
  }

  /**
   * Derives the cover of a span, for granting it on: from proven nodes and, where there are none,
   * from those only that the grant brought under which is granted on. Its link has their digest, so
   * that its issuer answers for them.
   *
   * @param source - The name of that grant.
   * @returns New keys, owned by the caller; `undefined` if a part of the cover cannot be derived.
   * @throws {RangeError} If `span` is none.
   */
  nodesFor(span: Span, source?: string): readonly TreeNode[] | undefined {
    const steps: { from: HeldNode; to: NodePosition }[] = []
    for (const to of coverOf(span)) {
      const from = this.#heldAbove(to).find((node) => mayGrant(node, source))
      if (from === undefined) return undefined
      steps.push({ from, to })
    }
    return steps.map(({ from, to }) => ({ ...to, key: from.keyOf(to) }))
  }

  /** Forgets all sources but these of every node that has one of them, and all but one of others. */
  keepSources(names: ReadonlySet<string>): void {
    for (const node of this.#held()) node.keepSources(names)
  }

  /** Gives up everything before an epoch. @throws {RangeError} If `epoch` is none. */
  forgetBefore(epoch: number): void {
    assertEpoch(epoch)
    for (const node of this.#held().filter((held) => spanOfNode(held).first < epoch)) {
      this.#indexOf(node.state).delete(node)
      for (const rest of remainder(this.#crypto, node, epoch)) this.#keepRest(rest, node)
      node.drop()
    }
  }

  /**
   * Gives the ring as plain arrays, numbers, strings and byte strings, ready for CBOR. The keys in
   * it are copies, owned by the caller.
   */
  serialize(): readonly HeldNodeForm[] {
    const provisional = [...this.#provisional].toSorted((a, b) => a.age - b.age)
    return formatNodes([...this.#proven, ...provisional])
  }

  /** Drops every node. */
  wipe(): void {
    for (const node of this.#held()) {
      this.#indexOf(node.state).delete(node)
      node.drop()
    }
  }

  #addEach(
    nodes: readonly TreeNode[],
    source: NodeSource,
    take: (node: HeldNode) => boolean,
  ): Pick<Addition, 'added' | 'contradicts'> {
    assertSource(source)
    for (const node of nodes) assertNode(node, 'nodes')
    const contradicts = new Set<string>()
    let added = 0
    for (const given of nodes) {
      const contradicted = this.#findContradicted(given)
      for (const other of contradicted?.names ?? []) contradicts.add(other)
      if (contradicted !== undefined || this.#isImplied(given, source)) continue
      const options = { state: 'provisional', sources: [source], age: this.#nextAge++ } as const
      if (take(new HeldNode(this.#crypto, given, options))) added++
    }
    return { added, contradicts: [...contradicts] }
  }

  #findContradicted(given: TreeNode): HeldNode | undefined {
    const upper = this.#proven.above(given).find((proven) => !proven.agreesWith(given))
    const below = this.#proven.below(given)
    if (upper !== undefined || below.length === 0) return upper
    const deriver = new LeafDeriver(this.#crypto, given)
    const lower = below.find((proven) => !deriver.agreesWith(proven))
    deriver.wipe()
    return lower
  }

  /** Says whether a proven node, with which it agrees, leads to a node already. */
  #isImplied(given: TreeNode, source: NodeSource): boolean {
    const [upper] = this.#proven.above(given)
    upper?.addSources([source])
    return upper !== undefined
  }

  /** Makes a node that is in no index, and agrees with all proven ones, proven. */
  #settle(node: HeldNode): Set<string> {
    for (const lower of this.#proven.below(node)) {
      node.addSources(lower.sources)
      this.#proven.delete(lower)
      lower.drop()
    }
    node.state = 'proven'
    this.#proven.add(node)
    return this.#provisional.disprove(node)
  }

  #keepRest(rest: TreeNode, of: HeldNode): void {
    const { state, sources, age } = of
    // Proven nodes come first: a piece of a candidate may now be one that is proven.
    if (this.#proven.above(rest).length === 0) {
      this.#indexOf(state).add(new HeldNode(this.#crypto, rest, { state, sources, age }))
    }
    rest.key.fill(0)
  }

  /** The proven node at or above a position, or else the provisional ones by age. */
  #heldAbove(position: NodePosition): readonly HeldNode[] {
    const proven = this.#proven.above(position)
    if (proven.length > 0) return proven
    return this.#provisional.above(position).toSorted((a, b) => a.age - b.age)
  }

  #indexOf(state: NodeState): NodeIndex<HeldNode> {
    return state === 'proven' ? this.#proven : this.#provisional
  }

  #held(state?: NodeState): HeldNode[] {
    if (state !== undefined) return [...this.#indexOf(state)]
    return [...this.#proven, ...this.#provisional]
  }
}

function mayGrant(node: HeldNode, source: string | undefined): boolean {
  return node.state === 'proven' || (source !== undefined && node.hasSource(source))
}

function assertLimit(value: number, name: string): void {
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new RangeError(`${name} must be a positive integer, got ${value}`)
  }
}
