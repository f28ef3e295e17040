// SPDX-License-Identifier: Apache-2.0
/**
 * What a check of `waxwing doctor` found.
 *
 * @module
 */

export interface Finding {
  readonly check: string
  readonly state: 'good' | 'warning' | 'bad'
  readonly found: string
  readonly advice?: string | undefined
  /** What was wrong, for the exit status. */
  readonly error?: Error | undefined
}
