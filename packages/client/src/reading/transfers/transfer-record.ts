// SPDX-License-Identifier: Apache-2.0
/**
 * What the store has of one transfer besides its pieces (`docs/spec/08-receiving.md` Section 8.7): which
 * of them are there, and what the joined message will say. When the transfer has ended, only how.
 *
 * @module
 */

import {
  ArrayFields,
  fromHex,
  malformed,
  toHex,
  TRANSFER_ID_BYTES,
  TransferProgress,
  type CborKey,
  type CborValue,
} from '@waxwing/core'
import type { Protection, Receipt } from '../../message.js'
import type { RecordCodec } from '../../table.js'

/** What the first piece says for all. */
export interface FirstPiece {
  readonly address: string
  readonly contentType: string | undefined
  readonly headers: ReadonlyMap<string, string>
  readonly clearPart: Uint8Array | undefined
  readonly sealedAt: Date | undefined
  readonly epoch: number
  readonly receipt: Receipt
  readonly properties: Readonly<Record<string, string>>
}

/** A transfer of which pieces are kept: incomplete, or complete and not yet acknowledged. */
export interface OpenTransfer {
  readonly state: 'open'
  readonly stream: string
  /** In hex. */
  readonly transfer: string
  /** When its first piece came, in milliseconds since 1970. */
  readonly atMs: number
  /** What the pieces take in the store. */
  readonly keptBytes: number
  readonly progress: TransferProgress
  /** Of the piece with index 0. */
  readonly first: FirstPiece | undefined
  /** The weakest of all pieces. */
  readonly protection: Protection
}

/** Why no piece of a transfer is kept any more. */
export type TransferEnd = 'acknowledged' | 'too-large' | 'conflict' | 'incomplete'

/** Transfers of which pieces are kept at a time. */
export const MAX_OPEN_TRANSFERS = 1024
/** Transfers of which it is remembered how they ended. */
export const MAX_ENDED_TRANSFERS = 4096

/** What is remembered of a transfer so that pieces which still come begin no new one. */
export interface EndedTransfer {
  readonly state: TransferEnd
  /** When it ended, in milliseconds since 1970. */
  readonly atMs: number
}

export type TransferRecord = OpenTransfer | EndedTransfer

const STATES = ['open', 'acknowledged', 'too-large', 'conflict', 'incomplete'] as const
const KEMS = ['x25519', 'x-wing'] as const
const REPLAYS = ['checked', 'unverifiable', 'repeatable'] as const
const WHAT = 'transfer'

export const transferCodec: RecordCodec<TransferRecord> = {
  toCbor(record) {
    const head = [STATES.indexOf(record.state), record.atMs]
    if (record.state !== 'open') return head
    return [
      ...head,
      record.stream,
      fromHex(record.transfer),
      record.keptBytes,
      record.progress.serialize(),
      record.first === undefined ? null : firstToCbor(record.first),
      protectionToCbor(record.protection),
    ]
  },
  fromCbor(value: CborValue): TransferRecord {
    const list = new ArrayFields(WHAT, value)
    const state = oneOf(STATES, list.uint(0, 'state'))
    const atMs = list.uint(1, 'time')
    if (state !== 'open') {
      list.end()
      return { state, atMs }
    }
    const first = list.arrayOrNull(6, 'first piece')
    const record: OpenTransfer = {
      state,
      atMs,
      stream: list.text(2, 'stream'),
      transfer: toHex(list.bytes(3, 'transfer', { length: TRANSFER_ID_BYTES })),
      keptBytes: list.uint(4, 'kept bytes'),
      progress: TransferProgress.restore(list.bytes(5, 'progress')),
      first: first === null ? undefined : firstFromCbor(first),
      protection: protectionFromCbor(list.array(7, 'protection')),
    }
    list.end()
    if (record.progress.has(0) !== (record.first !== undefined))
      throw malformed(WHAT, 'first piece')
    return record
  },
}

function firstToCbor(first: FirstPiece): CborValue {
  const { receipt } = first
  return [
    first.address,
    first.contentType ?? null,
    first.headers,
    first.clearPart ?? null,
    first.sealedAt?.getTime() ?? null,
    first.epoch,
    fromHex(receipt.generationId),
    fromHex(receipt.session),
    receipt.counter,
    new Map(Object.entries(first.properties)),
  ]
}

function firstFromCbor(value: readonly CborValue[]): FirstPiece {
  const list = new ArrayFields(WHAT, value, 10)
  const atMs = list.uintOrNull(4, 'sealed at')
  return {
    address: list.text(0, 'address'),
    contentType: list.textOrNull(1, 'content type') ?? undefined,
    headers: new Map(textsFrom(list.map(2, 'headers'))),
    clearPart: list.bytesOrNull(3, 'clear part') ?? undefined,
    sealedAt: atMs === null ? undefined : new Date(atMs),
    epoch: list.uint(5, 'epoch'),
    receipt: {
      generationId: toHex(list.bytes(6, 'generation id')),
      session: toHex(list.bytes(7, 'session')),
      counter: list.uint(8, 'counter'),
    },
    properties: Object.fromEntries(textsFrom(list.map(9, 'properties'))),
  }
}

function protectionToCbor(protection: Protection): CborValue {
  const { signedBy, grantedBy, kem, replay, addressMatches } = protection
  return [
    signedBy === undefined ? null : [signedBy.id, signedBy.name],
    [...grantedBy],
    kem === undefined ? null : KEMS.indexOf(kem),
    REPLAYS.indexOf(replay),
    addressMatches,
  ]
}

function protectionFromCbor(value: readonly CborValue[]): Protection {
  const list = new ArrayFields(WHAT, value, 5)
  const signer = list.arrayOrNull(0, 'signed by')
  const kem = list.uintOrNull(2, 'kem')
  return Object.freeze({
    signedBy: signer === null ? undefined : signerFrom(signer),
    signed: signer !== null,
    grantedBy: list.array(1, 'granted by').map(textOf),
    kem: kem === null ? undefined : oneOf(KEMS, kem),
    replay: oneOf(REPLAYS, list.uint(3, 'replay')),
    addressMatches: list.bool(4, 'address'),
  })
}

function signerFrom(value: readonly CborValue[]): { readonly id: string; readonly name: string } {
  const list = new ArrayFields(WHAT, value, 2)
  return { id: list.text(0, 'id'), name: list.text(1, 'name') }
}

function oneOf<T>(values: readonly T[], index: number): T {
  const value = values[index]
  if (value === undefined) throw malformed(WHAT, 'number')
  return value
}

function textOf(value: CborValue): string {
  if (typeof value !== 'string') throw malformed(WHAT, 'text')
  return value
}

function textsFrom(map: ReadonlyMap<CborKey, CborValue>): readonly (readonly [string, string])[] {
  return [...map].map(([name, value]) => [textOf(name), textOf(value)])
}
