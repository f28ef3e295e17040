// SPDX-License-Identifier: Apache-2.0
/**
 * Waiting that a signal ends. The signal is that of the whole transport: nothing stays with it.
 *
 * @module
 */

/** Resolves after so many milliseconds, or when the signal is aborted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  const { promise, resolve } = Promise.withResolvers<void>()
  const ended = (): void => resolve()
  const timer = setTimeout(ended, ms)
  signal.addEventListener('abort', ended, { once: true })
  await promise
  clearTimeout(timer)
  signal.removeEventListener('abort', ended)
}
