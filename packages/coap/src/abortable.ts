// SPDX-License-Identifier: Apache-2.0
/**
 * Waiting for what takes no signal, or for two signals at once.
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

/** One signal for two, until it is disposed of. */
export interface JoinedSignal extends Disposable {
  readonly signal: AbortSignal
}

/**
 * Joins a signal with another one that many share and that outlives them. `AbortSignal.any` would do, and
 * take several times as long as a request.
 */
export function joinSignals(own: AbortSignal | undefined, shared: AbortSignal): JoinedSignal {
  if (own === undefined) return { signal: shared, [Symbol.dispose]: () => {} }
  const joined = new AbortController()
  const abort = ({ target }: Event): void => joined.abort((target as AbortSignal).reason)
  const signals = [own, shared]
  for (const signal of signals) {
    signal.addEventListener('abort', abort)
    if (signal.aborted) joined.abort(signal.reason)
  }
  const leave = (): void => {
    for (const signal of signals) signal.removeEventListener('abort', abort)
  }
  return { signal: joined.signal, [Symbol.dispose]: leave }
}
