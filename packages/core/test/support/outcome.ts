// SPDX-License-Identifier: Apache-2.0
/**
 * How a call ended, in one word: for tables of rules, each broken on purpose.
 *
 * @module
 */

import { WaxwingError } from '@waxwing/core'

/** The code of the error that a call throws, and the rule in its details if it names one. */
export function outcomeOf(call: () => unknown): string {
  try {
    call()
    return 'valid'
  } catch (error) {
    return codeOf(error)
  }
}

/** The same for a promise. */
export async function outcomeOfAsync(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'valid'
  } catch (error) {
    return codeOf(error)
  }
}

/** The field that the refusal of a call names; `undefined` where none is named or nothing refused. */
export function fieldOf(call: () => unknown): string | undefined {
  try {
    call()
    return undefined
  } catch (error) {
    if (!(error instanceof WaxwingError)) throw error
    return error.details.field
  }
}

function codeOf(error: unknown): string {
  if (!(error instanceof WaxwingError)) throw error
  const { code, details } = error
  return details.rule === undefined ? code : `${code} ${details.rule}`
}
