// SPDX-License-Identifier: Apache-2.0
/**
 * What has to be done to the end, whatever fails on the way.
 *
 * @module
 */

/** Waits for all, whatever becomes of the others. @throws What the first of them threw. */
export async function allDone(work: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(work)) {
    if (result.status === 'rejected') throw result.reason
  }
}

/** Takes every step, whatever becomes of the others. @throws What failed first. */
export async function inTurn(steps: readonly (() => unknown)[]): Promise<void> {
  const errors: unknown[] = []
  for (const step of steps) {
    try {
      await step()
    } catch (error) {
      errors.push(error)
    }
  }
  if (errors.length > 0) throw errors[0]
}
