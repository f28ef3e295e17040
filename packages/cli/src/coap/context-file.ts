// SPDX-License-Identifier: Apache-2.0
/**
 * A pre-shared context in a file: JSON with the parameters of RFC 8613 Section 3.2, in hex.
 *
 * @module
 */

import { statSync } from 'node:fs'
import { AEAD_PARAMETERS, type AeadAlgorithm, fromUtf8 } from '@waxwing/core'
import { UsageError } from '../exit-codes.js'
import type { KeptContext } from './key-book.js'

/** AES-CCM-16-64-128 (RFC 8613 Section 3.2). */
const DEFAULT_ALGORITHM: AeadAlgorithm = 10
/** Permissions of everybody but the owner. */
const OTHERS = 0o077

const MEMBERS = ['masterSecret', 'masterSalt', 'senderId', 'recipientId', 'idContext', 'algorithm']

type Parameters = Omit<KeptContext, 'name' | 'recorded' | 'authorities'>

/** @throws {UsageError} If the file holds no context; it says which member is wrong. */
export function readContextFile(path: string, bytes: Uint8Array): Parameters {
  const members = membersOf(path, bytes)
  const unknown = Object.keys(members).find((name) => !MEMBERS.includes(name))
  if (unknown !== undefined) {
    throw new UsageError(`${path} has a member ${unknown}; there are ${MEMBERS.join(', ')}`)
  }
  const hex = (name: string): Uint8Array | undefined => hexOf(path, name, members[name])
  const required = (name: string): Uint8Array => {
    const value = hex(name)
    if (value === undefined) throw new UsageError(`${path} has no ${name}`)
    return value
  }
  const masterSecret = required('masterSecret')
  if (masterSecret.length === 0) throw new UsageError(`masterSecret of ${path} is empty`)
  return {
    masterSecret,
    masterSalt: hex('masterSalt') ?? new Uint8Array(0),
    senderId: required('senderId'),
    recipientId: required('recipientId'),
    idContext: hex('idContext'),
    algorithm: algorithmOf(path, members['algorithm']),
  }
}

/** Whether others than its owner may read a file. */
export function isReadByOthers(path: string): boolean {
  return path !== '-' && process.platform !== 'win32' && (statSync(path).mode & OTHERS) !== 0
}

function membersOf(path: string, bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(fromUtf8(bytes))
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  } catch {
    // What was wrong with it may be said with a part of it, and it holds a secret.
  }
  throw new UsageError(`${path} is no JSON object with ${MEMBERS.join(', ')}`)
}

/** Says nothing of the value: it may be a secret. */
function hexOf(path: string, name: string, value: unknown): Uint8Array | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'string' && value.length % 2 === 0 && /^[0-9a-f]*$/i.test(value)) {
    return new Uint8Array(Buffer.from(value, 'hex'))
  }
  throw new UsageError(`${name} of ${path} is no text of hex digits`)
}

function algorithmOf(path: string, value: unknown): AeadAlgorithm {
  if (value === undefined) return DEFAULT_ALGORITHM
  const known = Object.keys(AEAD_PARAMETERS).map(Number)
  const found = known.find((number) => number === value)
  if (found !== undefined) return found as AeadAlgorithm
  throw new UsageError(`algorithm of ${path} is a COSE number: one of ${known.join(', ')}`)
}
