// SPDX-License-Identifier: Apache-2.0
/**
 * The end of the present turn of the event loop: when everything that was read at once has been
 * taken, and the promises that it settled have run on.
 *
 * @module
 */

/** Runs a task then. Browsers have no `setImmediate`; there the task waits for a timer. */
export function afterThisTurn(task: () => void): void {
  if (typeof setImmediate === 'function') setImmediate(task)
  else setTimeout(task, 0)
}
