// SPDX-License-Identifier: Apache-2.0
/**
 * `vectors/compact.json`: objects with their compact forms, bytes that are none, and objects that have
 * none (`docs/spec/04-objects.md` Section 4.7).
 *
 * @module
 */

import { PLANT } from './cast.ts'
import { cbor, join } from './cbor.ts'
import {
  bigEndian,
  framedWith,
  sealed,
  streamOf,
  type ObjectInput,
  type SealedObject,
} from './object-parts.ts'
import { bytesOf, sha256, utf8 } from './primitives.ts'
import { Cases, type VectorFile } from './vector-file.ts'

const NONE = new Uint8Array(0)
const ALG_BITS: Readonly<Record<number, number>> = { 24: 0x00, 3: 0x04, 1: 0x08, 10: 0x0c }

const SIGNED = sealed({ stream: streamOf() })
const UNSIGNED = sealed({ stream: streamOf({ signatureMode: 0 }) })
const COUNTED = { counterMode: 1, signatureMode: 0, alg: 10 }

export function compact(): VectorFile {
  const cases = new Cases()
  addValid(cases)
  addRefused(cases)
  addObjectsWithout(cases)
  return cases.file(
    'compact',
    'A valid case is an object and its compact form, each to be made from the other. A refused case ' +
      'is bytes that are no compact form (compact), or an object that has none (object). ' +
      'All byte strings are hex.',
  )
}

/** The compact form, with flags that may be wrong. */
function compactOf({ stream, ...parts }: SealedObject, flags?: number): Uint8Array {
  const { alg, kid, isSession } = stream
  const { partialIv, epoch, ciphertext, signature } = parts
  const right =
    (isSession ? 0 : partialIv.length << 4) |
    (ALG_BITS[alg] ?? 0) |
    (kid.length === 4 ? 0x02 : 0) |
    (signature === undefined ? 0 : 0x01)
  const head = Uint8Array.of(flags ?? right)
  return join(head, kid, bigEndian(epoch, 4), partialIv, ciphertext, signature ?? NONE)
}

function addValid(cases: Cases): void {
  const add = (comment: string, input: ObjectInput): void => {
    const parts = sealed(input)
    const { kid, epoch, partialIv, ciphertext, signature, object } = { ...parts, ...parts.stream }
    const fields = { kid, epoch, partialIv, ciphertext, signature: signature ?? null }
    cases.valid(comment, { ...fields, object, compact: compactOf(parts) })
  }
  for (const alg of [24, 3, 1, 10]) {
    for (const kidBytes of [8, 4]) {
      const kid = `alg ${alg}, kid of ${kidBytes} bytes`
      for (const signatureMode of [1, 0]) {
        const stream = streamOf({ alg, kidBytes, signatureMode })
        add(`${kid}, ${signatureMode === 1 ? 'signed' : 'unsigned'}`, { stream })
      }
      for (const signatureMode of [1, 0]) {
        const stream = streamOf({ alg, kidBytes, signatureMode, counterMode: 1 })
        const signed = signatureMode === 1 ? 'signed' : 'unsigned'
        for (const counter of [0, 256, 65_536]) {
          add(`${kid}, ${signed}, durable counter ${counter}`, { stream, counter })
        }
      }
    }
  }
  const stream = streamOf(COUNTED)
  for (const counter of [1, 255, 65_535, 2 ** 24 - 1]) {
    add(`durable counter ${counter}`, { stream, counter })
  }
  add('first epoch', { stream, epoch: 0 })
  add('last epoch', { stream, epoch: 2 ** 32 - 1 })
  for (const lengthBytes of [0, 14, 15, 246, 247]) {
    add(`payload of ${lengthBytes} bytes`, { stream, plaintext: bytesOf('payload', lengthBytes) })
  }
}

function addRefused(cases: Cases): void {
  const malformed = (comment: string, bytes: Uint8Array): void => {
    cases.refused('ERR_MALFORMED', comment, { compact: bytes })
  }
  const right = compactOf(SIGNED)
  malformed('no bytes', NONE)
  malformed('an object', SIGNED.object)
  malformed('flags above 7f', join(Uint8Array.of(0x81), right.slice(1)))
  malformed('flags alone', right.slice(0, 1))
  malformed('cut within the kid', right.slice(0, 8))
  malformed('cut within the epoch', right.slice(0, 12))
  malformed('cut within the Partial IV', compactOf(UNSIGNED).slice(0, 22))
  malformed('cut within the signature, no ciphertext', join(right.slice(0, 23), new Uint8Array(63)))
  const counted = sealed({ stream: streamOf(COUNTED), counter: 256 })
  const counting = (partialIv: number[]): Uint8Array =>
    compactOf({ ...counted, partialIv: Uint8Array.from(partialIv) })
  malformed('a counter of two bytes that needs one', counting([0, 255]))
  malformed('a counter of three bytes that needs two', counting([0, 255, 255]))
  for (const flags of [0x40, 0x41, 0x50, 0x68, 0x7f]) {
    const comment = `reserved flags ${flags.toString(16)}`
    cases.refused('ERR_UNSUPPORTED', comment, { compact: compactOf(SIGNED, flags) })
  }
}

function addObjectsWithout(cases: Cases): void {
  const without = (comment: string, object: Uint8Array): void => {
    cases.refused('ERR_UNSUPPORTED', comment, { object })
  }
  const stream = streamOf()
  without('a clear part', sealed({ stream, clearPart: utf8('unit=C') }).object)
  without('an empty clear part', sealed({ stream, clearPart: NONE }).object)
  const counting = streamOf(COUNTED)
  without('a counter of four bytes', sealed({ stream: counting, counter: 2 ** 24 }).object)
  without('a counter of five bytes', sealed({ stream: counting, counter: 2 ** 32 }).object)
  const batched = sealed({ stream: streamOf({ signatureMode: 2 }) })
  const leaf = sha256(join(Uint8Array.of(0), batched.countersignStructure ?? NONE))
  const signature = PLANT.sign(cbor(['waxwing batch v1', batched.generationId, 1, leaf]))
  const unprotected = new Map([[-65538, [signature, 0, 1, NONE]]])
  without('a batch signature', framedWith(batched.header, unprotected, batched.ciphertext))
}
