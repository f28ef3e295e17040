// SPDX-License-Identifier: Apache-2.0
/**
 * Reads the frozen vectors of this repository and runs their cases.
 *
 * @module
 */

import { readFileSync } from 'node:fs'
import { fromHex, Trust, WaxwingError, type CryptoProvider } from '@waxwing/core'
import { expect } from 'vitest'

/** One case. What else it has depends on its file. */
export interface VectorCase {
  readonly id: number
  readonly comment: string
  /** `valid`, or the code of the error. */
  readonly result: string
  /** The rule of a chain that it breaks. */
  readonly rule?: string
}

/** Reads the cases of `vectors/<name>.json`. @throws {Error} If there are none of either kind. */
export function vectorsOf<T extends VectorCase>(name: string): readonly T[] {
  const url = new URL(`../../../../vectors/${name}.json`, import.meta.url)
  const { tests } = JSON.parse(readFileSync(url, 'utf8')) as { readonly tests: readonly T[] }
  const validCount = tests.filter(({ result }) => result === 'valid').length
  if (validCount === 0 || validCount === tests.length) {
    throw new Error(`vectors/${name}.json must have cases of both kinds`)
  }
  return tests
}

/** The bytes of a field in hex; none of a field that is absent. */
export function bytes(field: string): Uint8Array
export function bytes(field: string | null | undefined): Uint8Array | undefined
export function bytes(field: string | null | undefined): Uint8Array | undefined {
  return field === null || field === undefined ? undefined : fromHex(field)
}

/** Runs every case and compares how it ended with what its file says. */
export function expectResults<T extends VectorCase>(
  tests: readonly T[],
  run: (test: T) => void,
): void {
  for (const test of tests) {
    const end = endOf(test, () => {
      run(test)
    })
    expect(end, nameOf(test)).toBe(expected(test))
  }
}

/** The same for what takes time. */
export async function expectResultsAsync<T extends VectorCase>(
  tests: readonly T[],
  run: (test: T) => Promise<void>,
): Promise<void> {
  for (const test of tests) {
    const end = await run(test).then(
      () => 'valid',
      (error: unknown) => endOfError(test, error),
    )
    expect(end, nameOf(test)).toBe(expected(test))
  }
}

export function nameOf({ id, comment }: VectorCase): string {
  return `case ${id}: ${comment}`
}

/** What a bundle and, where there are any, partners' bundles make one believe. */
export function trustIn(
  crypto: CryptoProvider,
  bundle: string,
  partnerBundles: readonly string[] = [],
): Trust {
  const partners = partnerBundles.map((partner) => fromHex(partner))
  return new Trust({ crypto, bundle: fromHex(bundle), partnerBundles: partners })
}

function expected({ result, rule }: VectorCase): string {
  return rule === undefined ? result : `${result} ${rule}`
}

function endOf(test: VectorCase, call: () => void): string {
  try {
    call()
    return 'valid'
  } catch (error) {
    return endOfError(test, error)
  }
}

function endOfError(test: VectorCase, error: unknown): string {
  if (!(error instanceof WaxwingError)) throw new Error(nameOf(test), { cause: error })
  const { code, details } = error
  return code === 'ERR_CHAIN' ? `${code} ${details.rule}` : code
}
