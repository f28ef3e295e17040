// SPDX-License-Identifier: Apache-2.0
/**
 * What is right, and what is wrong for one reason, to begin with: the cases of `vectors/`, and every
 * byte string of the published vectors where they lie beside the repository. What a check wants
 * besides the bytes it checks (a bundle, a time) is packed with them into one array.
 *
 * @module
 */

import { existsSync, globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { encodeCbor, fromHex, type CborValue } from '@waxwing/core'

/** A case of a vector file, whatever is in it. */
export type Case = Readonly<Record<string, unknown>>

/** The files with messages. */
export const MESSAGE_FILES = [
  'requests',
  'denials',
  'acks',
  'revocations',
  'enrolments',
  'grant-messages',
] as const

const VECTORS = new URL('../../../vectors/', import.meta.url)
const PUBLISHED = new URL('../../../../shared/vectors/', import.meta.url)
const MAX_SEED_BYTES = 8_192

export function casesOf(name: string): readonly Case[] {
  const text = readFileSync(new URL(`${name}.json`, VECTORS), 'utf8')
  return (JSON.parse(text) as { readonly tests: readonly Case[] }).tests
}

/** A field of all cases of some files that have it. */
export function fieldOf(field: string, ...names: readonly string[]): readonly Uint8Array[] {
  return names
    .flatMap(casesOf)
    .map((test) => test[field])
    .filter((value): value is string => typeof value === 'string')
    .map(fromHex)
}

/** Packs fields of all cases of a file. Hex becomes bytes; what is absent, null. */
export function packed(name: string, ...fields: readonly string[]): readonly Uint8Array[] {
  return casesOf(name)
    .filter((test) => test[fields.at(-1)!] !== undefined)
    .map((test) => encodeCbor(fields.map((field) => valueOf(test[field]))))
}

/** Every byte string in the published vectors of CBOR and of COSE. */
export function publishedSeeds(): readonly Uint8Array[] {
  if (!existsSync(PUBLISHED)) return []
  const found = new Set<string>()
  for (const path of globSync('{cbor,cose,cose-hpke,oscore,edhoc}/**/*.json', {
    cwd: fileURLToPath(PUBLISHED),
  }).toSorted()) {
    collectHex(JSON.parse(readFileSync(new URL(path, PUBLISHED), 'utf8')), found)
  }
  return [...found].map(fromHex)
}

function collectHex(value: unknown, found: Set<string>): void {
  if (typeof value === 'string') {
    if (/^([0-9a-f]{2})+$/i.test(value) && value.length <= 2 * MAX_SEED_BYTES) found.add(value)
  } else if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) collectHex(inner, found)
  }
}

function valueOf(value: unknown): CborValue {
  if (value === undefined || value === null) return null
  if (typeof value === 'number' || typeof value === 'boolean') return value
  if (Array.isArray(value)) return value.map(valueOf)
  if (typeof value !== 'string') return null
  return /^([0-9a-f]{2})*$/.test(value) ? fromHex(value) : value
}
