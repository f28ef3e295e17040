// SPDX-License-Identifier: Apache-2.0
/**
 * Waiting for what takes no signal.
 *
 * @module
 */

/**
 * The outcome of a promise, unless the signal is aborted first. What the promise stands for goes on.
 *
 * @throws The reason of the signal.
 */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  const abort = (): void => aborted.reject(signal.reason as Error)
  signal.addEventListener('abort', abort)
  if (signal.aborted) abort()
  try {
    return await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
