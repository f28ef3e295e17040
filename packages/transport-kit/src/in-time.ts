// SPDX-License-Identifier: Apache-2.0
/**
 * Goodbyes that nobody may answer: a broker that is silent, or that reads nothing for now.
 *
 * @module
 */

/** Resolves once the work is done or has failed, or after the time given. What it fails with is not heard. */
export async function inTime(work: Promise<unknown>, timeoutMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, timeoutMs)
  await Promise.race([work.catch(() => undefined), promise])
  clearTimeout(timer)
}
