// SPDX-License-Identifier: Apache-2.0
/**
 * Where faults go that nobody listens for.
 *
 * @module
 */

import { inspect } from 'node:util'

/** Makes a warning of the process of what was thrown: a fault of a handler must not get lost. */
export function warn(thrown: unknown): void {
  process.emitWarning(thrown instanceof Error ? thrown : inspect(thrown))
}
