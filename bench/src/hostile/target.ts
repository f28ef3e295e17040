// SPDX-License-Identifier: Apache-2.0
/**
 * What is given hostile bytes, and what may come of it: a value, or one of the errors that are
 * documented. Anything else is a find.
 *
 * @module
 */

import { WaxwingError, type ErrorCode } from '@waxwing/core'

export interface Target {
  readonly name: string
  /** The functions of core, by name, that this one is about. */
  readonly covers: readonly string[]
  /** The codes that may be thrown. */
  readonly codes: readonly ErrorCode[]
  /** Whether a `TypeError` is documented. */
  readonly typeError?: boolean
  /** Whether statements that were changed are to be signed again. */
  readonly verifies?: boolean
  readonly seeds: readonly Uint8Array[]
  /** Executions, relative to the other targets: fewer where each takes long. */
  readonly weight: number
  /** What is tried. Returns, or resolves to, what does not hold; nothing if all does. */
  run(bytes: Uint8Array): Trial | Promise<Trial>
}

/** What does not hold, in words; `undefined` if all does. */
export type Trial = string | undefined

/** What comes of a run; `undefined` if it is as documented. At once, unless the target waits. */
export function findingOf(
  target: Target,
  bytes: Uint8Array,
): string | undefined | Promise<string | undefined> {
  try {
    const trial = target.run(bytes)
    if (!(trial instanceof Promise)) return trial
    return trial.catch((error: unknown) =>
      isDocumented(target, error) ? undefined : textOf(error),
    )
  } catch (error) {
    return isDocumented(target, error) ? undefined : textOf(error)
  }
}

function isDocumented({ codes, typeError = false }: Target, error: unknown): boolean {
  if (error instanceof WaxwingError) return codes.includes(error.code)
  return typeError && error instanceof TypeError
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : `thrown: ${String(error)}`
}
