// SPDX-License-Identifier: Apache-2.0
/**
 * How the slow twin says no. Where a structure breaks several rules, and no steps say which comes
 * first, each of their errors is right (`docs/spec/01-conventions.md` Section 1.4): a refusal names
 * all that are.
 *
 * @module
 */

import type { ErrorCode } from '@waxwing/core'

export class Refusal extends Error {
  readonly codes: ReadonlySet<ErrorCode>

  constructor(codes: Iterable<ErrorCode>) {
    super([...new Set(codes)].join(' or '))
    this.codes = new Set(codes)
  }
}

/** Refuses. Each of the codes is right. */
export function refuse(...codes: readonly ErrorCode[]): never {
  throw new Refusal(codes)
}

/** Refuses unless a rule holds. */
export function insist(holds: boolean, code: ErrorCode): void {
  if (!holds) refuse(code)
}
