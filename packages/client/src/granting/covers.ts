// SPDX-License-Identifier: Apache-2.0
/**
 * The covers of some grants of one generation that are made in a row, each derived once
 * (`docs/spec/05-keys.md` Section 5.3).
 *
 * @module
 */

import type { NodeRing, Span, TreeNode } from '@waxwing/core'

export class Covers {
  readonly #ring: NodeRing
  readonly #derived = new Map<string, readonly TreeNode[] | undefined>()

  constructor(ring: NodeRing) {
    this.#ring = ring
  }

  /** As `NodeRing.nodesFor`, but the nodes stay ours until {@link wipe}. */
  nodesFor(span: Span, source?: string): readonly TreeNode[] | undefined {
    const key = `${span.first}/${span.last}/${source ?? ''}`
    if (!this.#derived.has(key)) this.#derived.set(key, this.#ring.nodesFor(span, source))
    return this.#derived.get(key)
  }

  /** Overwrites what was derived. */
  wipe(): void {
    for (const nodes of this.#derived.values()) for (const { key } of nodes ?? []) key.fill(0)
    this.#derived.clear()
  }
}
