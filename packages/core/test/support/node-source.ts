import type { NodeSource } from '@waxwing/core'

/** A grant of somebody who is no producer, unless it is said otherwise. */
export function source(name: string, change: Partial<NodeSource> = {}): NodeSource {
  return { name, giver: name, distance: 2, ...change }
}
