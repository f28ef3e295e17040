// SPDX-License-Identifier: Apache-2.0
/**
 * Waiting as an argument: whoever needs to do something later takes {@link Timers}, so that tests
 * decide when later is.
 *
 * @module
 */

export interface Timers {
  /**
   * Calls `run` once, `delayMs` milliseconds from now at the earliest, never synchronously.
   *
   * @returns A function that cancels it; harmless when called late or twice.
   */
  after(delayMs: number, run: () => void): () => void
}

/** Longest delay that `setTimeout` keeps; beyond it platforms fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1

/** The platform's timers. They do not keep a process alive where the platform lets them not to. */
export const systemTimers: Timers = {
  after(delayMs, run) {
    let handle: ReturnType<typeof setTimeout>
    const arm = (restMs: number): void => {
      const stepMs = Math.min(restMs, MAX_DELAY_MS)
      handle = setTimeout(() => (stepMs < restMs ? arm(restMs - stepMs) : run()), stepMs)
      unref(handle)
    }
    arm(Math.max(0, delayMs))
    return () => clearTimeout(handle)
  },
}

/** Browsers have numbers, Node has objects. */
function unref(handle: number | { unref?(): unknown }): void {
  if (typeof handle === 'object') handle.unref?.()
}
