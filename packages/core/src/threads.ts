// SPDX-License-Identifier: Apache-2.0
/**
 * Verifying signatures on several threads, for whoever reads signed streams or archives faster than one
 * core can verify. Node only.
 *
 * @module
 */

import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { CryptoProvider, Ed25519VerifyingKey } from './crypto/provider.js'
import { VerifyingAhead, type AheadKey } from './threads/verifying-ahead.js'
import type { VerifyThreadData } from './threads/verify-thread.js'

const MAX_THREADS = 64

export interface ThreadsOptions {
  /** How many besides the caller's own, from 1 to 64. Default: one for each other core. */
  readonly threads?: number
  /**
   * Called when a thread ended early. Its work falls to the others, and to the caller's thread.
   * Default: the process is warned.
   */
  readonly onFailure?: (error: Error) => void
}

export interface ThreadedCrypto {
  /** The same algorithms, with the same results. */
  readonly crypto: CryptoProvider
  /** Ends the threads. `crypto` still works, on the caller's thread alone. */
  close(): Promise<void>
}

/**
 * Lets threads verify what is announced (`Ed25519VerifyingKey.verifyAhead`), as a client's readers do
 * with all that has arrived. Order and results are the same, and nothing is believed before it was
 * verified. The threads do not keep the process running.
 *
 * @param crypto - Whose verifications are meant: an object with its methods on itself.
 * @throws {RangeError} If `threads` is no integer from 1 to 64.
 */
export function verifyOnThreads(
  crypto: CryptoProvider,
  options: ThreadsOptions = {},
): ThreadedCrypto {
  const { threads = defaultThreads(), onFailure = warn } = options
  if (!Number.isInteger(threads) || threads < 1 || threads > MAX_THREADS) {
    throw new RangeError(`threads must be an integer from 1 to ${MAX_THREADS}, got ${threads}`)
  }
  const ahead = new VerifyingAhead()
  const workers = Array.from({ length: threads }, () => startThread(crypto, ahead, onFailure))
  let ids = 0
  const wrap = (key: Ed25519VerifyingKey): Ed25519VerifyingKey => {
    const aheadKey: AheadKey = { id: (ids = (ids + 1) | 0), key }
    return {
      publicKey: key.publicKey,
      verify: (message, signature) => ahead.verify(aheadKey, message, signature),
      verifyAhead: (message, signature) => ahead.announce(aheadKey, message, signature),
    }
  }
  return {
    crypto: {
      ...crypto,
      verifiesAhead: true,
      ed25519VerifyingKey: (publicKey) => wrap(crypto.ed25519VerifyingKey(publicKey)),
    },
    async close() {
      ahead.ring.close()
      await Promise.all(workers.map((worker) => worker.terminate()))
    },
  }
}

function defaultThreads(): number {
  return Math.min(Math.max(1, availableParallelism() - 1), MAX_THREADS)
}

function warn({ message }: Error): void {
  process.emitWarning(`a thread that verifies signatures ended: ${message}`, 'WaxwingWarning')
}

function startThread(
  { name }: CryptoProvider,
  { ring }: VerifyingAhead,
  onFailure: (error: Error) => void,
): Worker {
  const data: VerifyThreadData = { buffer: ring.buffer, provider: name }
  const worker = new Worker(new URL('./threads/verify-thread.js', import.meta.url), {
    workerData: data,
    execArgv: [], // how the caller's own script is read is not how this one is
  })
  worker.unref()
  worker.on('error', (error) =>
    onFailure(error instanceof Error ? error : new Error(String(error))),
  )
  return worker
}
