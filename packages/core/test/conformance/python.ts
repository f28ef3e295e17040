// SPDX-License-Identifier: Apache-2.0
/**
 * Asks the opener in `conformance/`, which is a program of its own, in Python.
 *
 * @module
 */

import { spawnSync, type SpawnSyncReturns } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { toHex } from '@waxwing/core'
import type { Outcome, Split } from './real-opener.js'

const PYTHON = '/usr/bin/python3'
const FOLDER = fileURLToPath(new URL('../../../../conformance/', import.meta.url))

/** A reader of its own: it takes the grants, in order, then opens the objects. */
export interface Case {
  readonly grants: readonly Uint8Array[]
  readonly objects: readonly Uint8Array[]
}

export interface Question {
  readonly principal: Uint8Array
  readonly keys: readonly Uint8Array[]
  readonly now: number
  readonly domain: Uint8Array
  readonly bundle: Uint8Array
  readonly partners: readonly Uint8Array[]
  readonly pinned: readonly {
    readonly publicKey: Uint8Array
    readonly produces: readonly string[]
  }[]
  readonly cases: readonly Case[]
  readonly statements: readonly Uint8Array[]
  readonly archives: readonly Uint8Array[]
  /** What objects have encrypted: metadata, then payload. */
  readonly texts: readonly Uint8Array[]
  /** A name and a pattern each. */
  readonly names: readonly (readonly [string, string])[]
}

export interface Answer {
  readonly cases: readonly {
    readonly grants: readonly string[]
    readonly objects: readonly Outcome[]
  }[]
  readonly statements: readonly string[]
  readonly archives: readonly Split[]
  readonly texts: readonly string[]
  readonly names: readonly (readonly [boolean, boolean, boolean])[]
}

/** Whether Python is here with the libraries that the opener needs. */
export function pythonAvailable(): boolean {
  return spawnSync(PYTHON, ['-c', 'import cbor2, cryptography']).status === 0
}

/** Runs one of the programs to its end. */
export function runPython(
  program: string,
  args: readonly string[] = [],
  input = '',
): SpawnSyncReturns<string> {
  const options = { encoding: 'utf8', input, maxBuffer: 64 * 2 ** 20 } as const
  return spawnSync(PYTHON, ['-B', FOLDER + program, ...args], options)
}

/** What the opener says to all of it. */
export function askPython(question: Question): Answer {
  const hexed = (_: string, value: unknown): unknown =>
    value instanceof Uint8Array ? toHex(value) : value
  const { status, stdout, stderr } = runPython('judge.py', [], JSON.stringify(question, hexed))
  if (status !== 0) throw new Error(`judge.py ended with ${status}: ${stderr}`)
  return JSON.parse(stdout) as Answer
}
