// SPDX-License-Identifier: Apache-2.0
/**
 * The form in which a {@link NodeRing} is stored: an array of nodes, the earliest first, each
 * `[proven (1 or 0), depth, index, key, sources]`, and each source `[name, giver, distance]`.
 *
 * @module
 */

import { malformed } from '../errors.js'
import type { HeldNode, NodeState } from './held-node.js'
import { formatSource, parseSource, type NodeSource, type NodeSourceForm } from './node-source.js'
import { isNode, type TreeNode } from './tree.js'

/** State (1: proven, 0: provisional), depth, index, key, sources. */
export type HeldNodeForm = readonly [0 | 1, number, number, Uint8Array, readonly NodeSourceForm[]]

type TakeNode = (node: TreeNode, state: NodeState, sources: readonly NodeSource[]) => boolean

/** Formats nodes, in the order given: the proven ones come first. Keys are copied. */
export function formatNodes(nodes: readonly HeldNode[]): readonly HeldNodeForm[] {
  return nodes.map(({ state, depth, index, key, sources }) => {
    return [state === 'proven' ? 1 : 0, depth, index, key.slice(), sources.map(formatSource)]
  })
}

/**
 * Parses the form of a ring and hands its nodes over in order. Their keys are views.
 *
 * @param take - Returns `false` if a node cannot stand with those before it.
 * @throws {WaxwingError} `ERR_MALFORMED` if the form is anything else.
 */
export function parseNodes(form: unknown, take: TakeNode): void {
  if (!Array.isArray(form)) throw malformed('node ring', 'nodes')
  let isProvenAllowed = true
  for (const entry of form as readonly unknown[]) {
    const { node, state, sources } = parseNode(entry)
    if (state === 'proven' && !isProvenAllowed) throw malformed('node ring', 'order')
    isProvenAllowed = state === 'proven'
    if (!take(node, state, sources)) throw malformed('node ring', 'position')
  }
}

interface ParsedNode {
  readonly node: TreeNode
  readonly state: NodeState
  readonly sources: readonly NodeSource[]
}

function parseNode(entry: unknown): ParsedNode {
  if (!Array.isArray(entry) || entry.length !== 5) throw malformed('node ring', 'node')
  const [proven, depth, index, key, sources] = entry as readonly unknown[]
  if (proven !== 0 && proven !== 1) throw malformed('node ring', 'state')
  if (typeof depth !== 'number' || typeof index !== 'number') {
    throw malformed('node ring', 'position')
  }
  if (!(key instanceof Uint8Array)) throw malformed('node ring', 'key')
  if (!Array.isArray(sources) || sources.length === 0) throw malformed('node ring', 'sources')
  const node = { depth, index, key }
  if (!isNode(node)) throw malformed('node ring', 'node')
  return { node, state: proven === 1 ? 'proven' : 'provisional', sources: sources.map(parseSource) }
}
