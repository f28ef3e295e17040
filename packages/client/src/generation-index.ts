// SPDX-License-Identifier: Apache-2.0
/**
 * Generations by something that several of them may have in common.
 *
 * @module
 */

import type { Generation } from './generation.js'

export type GenerationIndex = Map<string, Generation[]>

export function addTo(index: GenerationIndex, key: string, generation: Generation): void {
  const others = index.get(key)
  if (others === undefined) index.set(key, [generation])
  else others.push(generation)
}

export function removeFrom(index: GenerationIndex, key: string, generation: Generation): void {
  const others = (index.get(key) ?? []).filter((other) => other !== generation)
  if (others.length > 0) index.set(key, others)
  else index.delete(key)
}
