// SPDX-License-Identifier: Apache-2.0
/**
 * What is found in bytes, as a tree of facts: drawn for people, an object for programs.
 *
 * @module
 */

import { toBase64Url, toHex } from '@waxwing/core'
import type { Json } from '../output.js'
import { formatTime } from '../times.js'

export interface Tree {
  readonly title: string
  readonly facts: readonly Fact[]
}

export interface Fact {
  readonly name: string
  /** For programs. */
  readonly value?: Json
  /** For people; default: the value. */
  readonly text?: string
  /** What lies below, instead of a value. */
  readonly trees?: readonly Tree[]
}

/** Draws a tree: one line a fact. */
export function drawTree(tree: Tree): readonly string[] {
  return [tree.title, ...drawFacts(tree.facts)]
}

function drawFacts(facts: readonly Fact[]): readonly string[] {
  const width = Math.max(0, ...facts.map(({ name, trees }) => (trees ? 0 : name.length)))
  return facts.flatMap((each, index) => {
    const isLast = index === facts.length - 1
    const [branch, indent] = isLast ? ['└─ ', '   '] : ['├─ ', '│  ']
    const [first = '', ...rest] = drawFact(each, width)
    return [branch + first, ...rest.map((line) => indent + line)]
  })
}

function drawFact({ name, value, text, trees }: Fact, width: number): readonly string[] {
  if (trees === undefined) return [`${name.padEnd(width)}  ${text ?? plain(value)}`]
  if (trees.length === 1 && trees[0] !== undefined) {
    const [title = '', ...lines] = drawTree(trees[0])
    return [`${name}: ${title}`, ...lines]
  }
  return [name, ...trees.flatMap((tree) => drawTree(tree).map((line) => `  ${line}`))]
}

/** The tree as an object; `kind` is its title's. */
export function treeToJson({ title, facts }: Tree): { readonly [key: string]: Json } {
  const entries = facts.map(({ name, value, trees }): [string, Json] => {
    return [keyOf(name), trees === undefined ? (value ?? null) : trees.map(treeToJson)]
  })
  return { kind: title, ...Object.fromEntries(entries) }
}

/** A name as a key: `in reply to` as `inReplyTo`, `Uri-Path` as `uriPath`, `Partial IV` as `partialIv`. */
function keyOf(name: string): string {
  const [first = '', ...others] = name.split(/[ _-]/)
  const front = first.replace(/^[A-Z]+(?=[A-Z][a-z]|$)|^[A-Z]/, (letters) => letters.toLowerCase())
  const capital = (word: string): string => {
    const rest = word.slice(1)
    return word.charAt(0).toUpperCase() + (rest === rest.toUpperCase() ? rest.toLowerCase() : rest)
  }
  return front + others.map(capital).join('')
}

export function fact(name: string, value: Json, text?: string): Fact {
  return text === undefined ? { name, value } : { name, value, text }
}

export function below(name: string, ...trees: readonly Tree[]): Fact {
  return { name, trees }
}

export function hexFact(name: string, bytes: Uint8Array): Fact {
  return fact(name, toHex(bytes))
}

/** An id, with the name of whoever it is, if that is known. */
export function idFact(name: string, id: Uint8Array, known: string | undefined): Fact {
  const text = toBase64Url(id)
  return fact(name, text, known === undefined ? text : `${known} (${text})`)
}

/** A time in seconds since 1970; `null` for never. */
export function timeFact(name: string, seconds: number | null): Fact {
  if (seconds === null) return fact(name, null, 'never')
  const date = new Date(seconds * 1000)
  if (Number.isNaN(date.getTime())) return fact(name, seconds, `${seconds} seconds after 1970`)
  return fact(name, date.toISOString(), formatTime(date, 'second'))
}

export function listFact(name: string, items: readonly string[]): Fact {
  return fact(name, items, items.join(', ') || 'none')
}

/** A count of bytes. */
export function sizeFact(name: string, bytes: number): Fact {
  return fact(name, bytes, `${bytes.toLocaleString('en')} ${bytes === 1 ? 'byte' : 'bytes'}`)
}

function plain(value: Json): string {
  if (value === null || value === undefined) return 'none'
  return typeof value === 'string' ? value : JSON.stringify(value)
}
