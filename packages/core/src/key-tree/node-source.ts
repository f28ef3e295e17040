// SPDX-License-Identifier: Apache-2.0
/**
 * Where the nodes of a {@link NodeRing} came from: which grant, and who answers for it.
 *
 * @module
 */

import { malformed } from '../errors.js'

export interface NodeSource {
  /** The caller's name for the grant. */
  readonly name: string
  /** Who answers for the nodes: the issuer of the grant's last link, in whatever form. */
  readonly giver: string
  /**
   * How many links lead from the producer to us: 1 if it gave the nodes itself, 0 for nodes that the
   * caller made.
   */
  readonly distance: number
}

/** Name, giver, distance. */
export type NodeSourceForm = readonly [string, string, number]

export function formatSource({ name, giver, distance }: NodeSource): NodeSourceForm {
  return [name, giver, distance]
}

/** @throws {WaxwingError} `ERR_MALFORMED` if the form is anything else. */
export function parseSource(form: unknown): NodeSource {
  if (!Array.isArray(form) || form.length !== 3) throw malformed('node ring', 'sources')
  const [name, giver, distance] = form as readonly unknown[]
  if (typeof name !== 'string' || typeof giver !== 'string' || !isDistance(distance)) {
    throw malformed('node ring', 'sources')
  }
  return { name, giver, distance }
}

/** @throws {RangeError} Unless the distance is an integer from 0 on. */
export function assertSource({ distance }: NodeSource): void {
  if (!isDistance(distance)) {
    throw new RangeError(`source.distance must be an integer from 0 on, got ${String(distance)}`)
  }
}

function isDistance(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}
