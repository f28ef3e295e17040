// SPDX-License-Identifier: Apache-2.0
/**
 * The form of a file of vectors: cases as data, bytes in hex, each with the one reason for which it
 * has to be refused, if it has.
 *
 * @module
 */

import { hex } from './primitives.ts'

export type Json = string | number | boolean | null | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [name: string]: Json
}

/** What a case may be given as: bytes become hex. */
export type Input =
  | string
  | number
  | boolean
  | null
  | undefined
  | Uint8Array
  | readonly Input[]
  | { readonly [name: string]: Input }

export interface VectorCase extends JsonObject {
  readonly id: number
  readonly comment: string
  /** `valid`, or the code of the error. */
  readonly result: string
}

export interface VectorFile {
  /** Of the file: `<name>.json`. */
  readonly name: string
  readonly schema: string
  readonly source: string
  readonly notes: string
  readonly tests: readonly VectorCase[]
}

/** Gathers the cases of a file and numbers them. */
export class Cases {
  readonly #tests: VectorCase[] = []

  /** Adds what has to be accepted. */
  valid(comment: string, inputs: Readonly<Record<string, Input>>): void {
    this.#add(comment, inputs, 'valid')
  }

  /** Adds what has to be refused, with the code of the error. */
  refused(result: string, comment: string, inputs: Readonly<Record<string, Input>>): void {
    this.#add(comment, inputs, result)
  }

  file(name: string, notes: string): VectorFile {
    const refusedCount = this.#tests.filter(({ result }) => result !== 'valid').length
    if (refusedCount === 0 || refusedCount === this.#tests.length) {
      throw new Error(`${name} must have cases of both kinds`)
    }
    return {
      name,
      schema: `waxwing-${name}/1`,
      source: `tools/vectors/frozen/${name}.ts`,
      notes,
      tests: this.#tests,
    }
  }

  #add(comment: string, inputs: Readonly<Record<string, Input>>, result: string): void {
    const id = this.#tests.length + 1
    this.#tests.push({ id, comment, ...jsonObject(inputs), result })
  }
}

/** The text of the file. */
export function formatVectors({ schema, source, notes, tests }: VectorFile): string {
  return `${JSON.stringify({ schema, source, notes, tests }, null, 2)}\n`
}

function jsonObject(inputs: Readonly<Record<string, Input>>): JsonObject {
  const entries = Object.entries(inputs).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries.map(([name, value]) => [name, json(value)]))
}

function json(value: Input): Json {
  if (value instanceof Uint8Array) return hex(value)
  if (isList(value)) return value.map(json)
  if (typeof value === 'object' && value !== null) return jsonObject(value)
  return value ?? null
}

function isList(value: Input): value is readonly Input[] {
  return Array.isArray(value)
}
