// SPDX-License-Identifier: Apache-2.0
/**
 * Whom this home knows in CoAP: peers by the credential that they showed, and contexts whose secret both
 * ends were given. Kept in the store of the home, which is encrypted.
 *
 * Invariant: a name is of one peer or one context; a server is expected at one context, and not at peers
 * and a context at once.
 *
 * @module
 */

import {
  type AeadAlgorithm,
  type CborValue,
  decodeCbor,
  encodeCbor,
  equalBytes,
  fromUtf8,
  MapFields,
  type Store,
  toHex,
  utf8,
  WaxwingError,
} from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import { UsageError } from '../exit-codes.js'

const TABLE = 'cli-coap'
const PEER = 'peer/'
const CONTEXT = 'context/'
/** Under which name keys were first used; stays for ever. */
const USED = 'used/'

/** Somebody who is known by a credential. */
export interface KeptPeer {
  readonly name: string
  /** An encoded CCS (RFC 9528 Section 3.5.3). */
  readonly credential: Uint8Array
  /** The servers at which it is expected: `host:port`. */
  readonly authorities: readonly string[]
}

/** A pre-shared context, in the words of RFC 8613 Section 3.1. */
export interface KeptContext {
  readonly name: string
  readonly masterSecret: Uint8Array
  readonly masterSalt: Uint8Array
  readonly senderId: Uint8Array
  readonly recipientId: Uint8Array
  readonly idContext: Uint8Array | undefined
  readonly algorithm: AeadAlgorithm
  /** Whether its keys stay the same, and what was used of them is recorded in the store. */
  readonly recorded: boolean
  readonly authorities: readonly string[]
}

// Labels of the fields of a record.
const CREDENTIAL = 1
const AUTHORITIES = 2
const MASTER_SECRET = 3
const MASTER_SALT = 4
const SENDER_ID = 5
const RECIPIENT_ID = 6
const ID_CONTEXT = 7
const ALGORITHM = 8
const RECORDED = 9

export class KeyBook {
  readonly store: Store

  constructor(store: Store) {
    this.store = store
  }

  async peers(): Promise<readonly KeptPeer[]> {
    const entries = await this.store.scan(TABLE, { prefix: PEER })
    return entries.map(({ key, value }) => read(key, () => peerOf(key.slice(PEER.length), value)))
  }

  async contexts(): Promise<readonly KeptContext[]> {
    const entries = await this.store.scan(TABLE, { prefix: CONTEXT })
    return entries.map(({ key, value }) =>
      read(key, () => contextOf(key.slice(CONTEXT.length), value)),
    )
  }

  /** Adds a peer; one of this name gets what is said now. @throws {UsageError} If something is taken. */
  async addPeer(peer: KeptPeer): Promise<void> {
    const [peers, contexts] = await Promise.all([this.peers(), this.contexts()])
    assertName(peer.name, contexts)
    const twin = peers.find(
      ({ name, credential }) => name !== peer.name && equalBytes(credential, peer.credential),
    )
    if (twin !== undefined) throw new UsageError(`${twin.name} has this credential already`)
    assertFree(peer.authorities, contexts)
    const { credential, authorities } = peer
    const record = new Map<number, CborValue>([
      [CREDENTIAL, credential],
      [AUTHORITIES, authorities],
    ])
    await this.store.write([{ table: TABLE, key: PEER + peer.name, value: encodeCbor(record) }])
  }

  /** Adds a context. @throws {UsageError} If its name, its keys or a server of it are taken. */
  async addContext(context: KeptContext): Promise<void> {
    const [peers, contexts] = await Promise.all([this.peers(), this.contexts()])
    assertName(context.name, [...peers, ...contexts])
    assertFree(context.authorities, [...peers, ...contexts])
    const used = USED + keysOf(context)
    const before = await this.store.get(TABLE, used)
    if (before !== undefined && fromUtf8(before) !== context.name) {
      throw new UsageError(
        `these keys were used here as ${fromUtf8(before)}: under another name they would begin anew, ` +
          'and encrypt twice with one nonce',
      )
    }
    await this.store.write([
      { table: TABLE, key: used, value: utf8(context.name) },
      { table: TABLE, key: CONTEXT + context.name, value: encodeCbor(recordOf(context)) },
    ])
  }

  /** @returns Whether there was one. */
  async removePeer(name: string): Promise<boolean> {
    return this.#remove(PEER + name)
  }

  /** @returns Whether there was one. */
  async removeContext(name: string): Promise<boolean> {
    return this.#remove(CONTEXT + name)
  }

  async #remove(key: string): Promise<boolean> {
    if ((await this.store.get(TABLE, key)) === undefined) return false
    await this.store.write([{ table: TABLE, key, value: null }])
    return true
  }
}

/** @throws {UsageError} If it cannot be a name, or is one of these. */
function assertName(name: string, taken: readonly { readonly name: string }[]): void {
  if (!/^[\w.-]{1,64}$/.test(name)) {
    throw new UsageError(`'${name}' is no name: letters, digits, dots and dashes`)
  }
  if (taken.some((other) => other.name === name)) {
    throw new UsageError(`${name} is known already: remove it first, or say another name`)
  }
}

function assertFree(
  authorities: readonly string[],
  taken: readonly { readonly name: string; readonly authorities: readonly string[] }[],
): void {
  for (const authority of authorities) {
    const other = taken.find((one) => one.authorities.includes(authority))
    if (other !== undefined) throw new UsageError(`${other.name} is expected at ${authority}`)
  }
}

/** Names what a sender's key is derived from, and nothing else (RFC 8613 Section 3.2). */
export function keysOf(context: KeptContext): string {
  const { masterSecret, masterSalt, senderId, idContext = null, algorithm } = context
  const input = encodeCbor([masterSecret, masterSalt, senderId, idContext, algorithm])
  return toHex(nodeProvider.sha256(input)).slice(0, 32)
}

function recordOf(context: KeptContext): ReadonlyMap<number, CborValue> {
  return new Map<number, CborValue>([
    [AUTHORITIES, context.authorities],
    [MASTER_SECRET, context.masterSecret],
    [MASTER_SALT, context.masterSalt],
    [SENDER_ID, context.senderId],
    [RECIPIENT_ID, context.recipientId],
    ...(context.idContext === undefined ? [] : [[ID_CONTEXT, context.idContext] as const]),
    [ALGORITHM, context.algorithm],
    [RECORDED, context.recorded],
  ])
}

function peerOf(name: string, value: Uint8Array): KeptPeer {
  const fields = new MapFields('peer', decodeCbor(value, 'peer'))
  const credential = fields.bytes(CREDENTIAL, 'credential').slice()
  return { name, credential, authorities: textsOf(fields) }
}

function contextOf(name: string, value: Uint8Array): KeptContext {
  const fields = new MapFields('context', decodeCbor(value, 'context'))
  return {
    name,
    masterSecret: fields.bytes(MASTER_SECRET, 'master secret').slice(),
    masterSalt: fields.bytes(MASTER_SALT, 'master salt').slice(),
    senderId: fields.bytes(SENDER_ID, 'sender id').slice(),
    recipientId: fields.bytes(RECIPIENT_ID, 'recipient id').slice(),
    idContext: fields.optBytes(ID_CONTEXT, 'id context')?.slice(),
    algorithm: fields.int(ALGORITHM, 'algorithm') as AeadAlgorithm,
    recorded: fields.bool(RECORDED, 'recorded'),
    authorities: textsOf(fields),
  }
}

function textsOf(fields: MapFields): readonly string[] {
  return fields.array(AUTHORITIES, 'authorities').filter((each) => typeof each === 'string')
}

function read<T>(key: string, decode: () => T): T {
  try {
    return decode()
  } catch (cause) {
    throw new WaxwingError(
      'ERR_STORE_CORRUPT',
      `${key} cannot be read`,
      { field: TABLE },
      { cause },
    )
  }
}
