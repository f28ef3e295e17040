// SPDX-License-Identifier: Apache-2.0
/**
 * The story shows nothing that did not happen: each thing that it tells is waited for or looked up,
 * and where it does not hold, the story ends there.
 *
 * @module
 */

import { setTimeout as sleep } from 'node:timers/promises'

const PATIENCE_MS = 10_000
const LOOK_EVERY_MS = 5

/** Something did not happen as told. */
export class NotAsTold extends Error {
  override readonly name = 'NotAsTold'
  /** What the story says. */
  readonly claim: string
  /** What was found instead. */
  readonly found: string

  constructor(claim: string, found: string) {
    super(`${claim} (${found})`)
    this.claim = claim
    this.found = found
  }
}

/**
 * Waits until a look finds something.
 *
 * @param found - Says what there is instead, if it does not come.
 * @throws {NotAsTold} After ten seconds.
 */
export async function comesTrue<T>(
  claim: string,
  look: () => T | undefined,
  found: () => string,
): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS
  for (;;) {
    const seen = look()
    if (seen !== undefined) return seen
    if (performance.now() > deadline) {
      throw new NotAsTold(claim, `waited ${PATIENCE_MS / 1000} s; ${found()}`)
    }
    await sleep(LOOK_EVERY_MS)
  }
}

/** @throws {NotAsTold} If it does not hold. */
export function holds(claim: string, condition: boolean, found: string): void {
  if (!condition) throw new NotAsTold(claim, found)
}

/** Gives what is under way time to arrive: for what must *not* happen. */
export function quiet(ms = 250): Promise<void> {
  return sleep(ms)
}
