// SPDX-License-Identifier: Apache-2.0
/**
 * Bytes that grow in one way each: many items, many keys, long strings, much nesting, many pieces. A
 * decoder that does more than its share of work for one of them takes more than twice as long for
 * twice as much.
 *
 * @module
 */

import { constants, deflateRawSync } from 'node:zlib'
import {
  ArchiveReader,
  decodeCbor,
  decodeMessage,
  decodeMetadata,
  decodeObject,
  decodeSign1,
  decodeStatement,
  decodeTrustBundle,
  encodeCbor,
  encodeMetadata,
  fromBase64Url,
  fromHex,
  itemEnd,
  matchesName,
  NodeRing,
  patternCovers,
  SeenRanges,
  signMessage,
  signTrustBundle,
  Trust,
  unpackMessage,
  CborTag,
  type CborValue,
} from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'

export interface Family {
  readonly name: string
  /** The largest size that is accepted, or that is measured where nothing bounds it. */
  readonly max: number
  /** Prepares what is to be timed for a size. */
  make(size: number): () => unknown
}

const crypto = sodiumProvider
const KEY = crypto.ed25519SigningKey(new Uint8Array(32).fill(1))
const ID = new Uint8Array(32)
const MIB = 1_048_576
/** Nodes that a ring holds by default, and ranges that a record of seen counters folds. */
const MAX_NODES = 4_096
const MAX_SEEN = 65_536
/** Room in a statement besides its payload. */
const STATEMENT_ROOM = 1_048_000

export const FAMILIES: readonly Family[] = [
  cbor('array of numbers', MIB, (n) => Array.from({ length: n }, (_, i) => i % 24)),
  cbor('array of arrays', MIB, (n) => Array.from({ length: n }, () => [])),
  cbor('array of byte strings', MIB / 8, (n) => Array.from({ length: n }, () => new Uint8Array(7))),
  cbor('map of numbers', MIB / 8, (n) => new Map(Array.from({ length: n }, (_, i) => [i, 0]))),
  cbor('map of texts', MIB / 16, (n) => new Map(Array.from({ length: n }, (_, i) => [`${10 ** 9 + i}`, 0]))),
  cbor('map of texts that begin alike', 8_192, (n) => new Map(Array.from({ length: n }, (_, i) => [`${'x'.repeat(120)}${10 ** 6 + i}`, 0]))),
  cbor('deep nesting, many times', MIB / 32, (n) => Array.from({ length: n }, () => nested(14))),
  cbor('long text', MIB, (n) => 'é'.repeat(n / 2)),
  cbor('long byte string', MIB, (n) => new Uint8Array(n)),
  refused('CBOR: keys in the wrong order at the end', MIB / 8, (n) => {
    const bytes = encodeCbor(new Map(Array.from({ length: n }, (_, i) => [1_000 + i, 0])))
    bytes.set([0x01, 0x00], bytes.length - 2)
    return () => decodeCbor(bytes, 'map')
  }),
  refused('CBOR: an unknown map is looked through', MIB / 8, (n) => {
    const bytes = encodeCbor(new CborTag(16, [ID, new Map(Array.from({ length: n }, (_, i) => [i, 0])), ID]))
    return () => decodeObject(bytes)
  }),
  {
    name: 'end of an item: many inside',
    max: MIB,
    make(n) {
      const bytes = encodeCbor(Array.from({ length: n }, () => 1))
      return () => itemEnd(bytes, 0)
    },
  },
  archive('many small items', MIB, (n) => [new Uint8Array(n)]),
  archive('one item in pieces of one byte', MIB / 4, (n) => {
    const bytes = encodeCbor(new Uint8Array(n))
    return Array.from(bytes, (_, i) => bytes.subarray(i, i + 1))
  }),
  {
    name: 'object: long ciphertext',
    max: 8 * MIB,
    make(n) {
      const header = new Map<number, CborValue>([[1, 24], [4, new Uint8Array(8)], [6, new Uint8Array(10)], [10, new Uint8Array(4)]]) // prettier-ignore
      const bytes = encodeCbor(new CborTag(16, [encodeCbor(header), new Map(), new Uint8Array(n)]))
      return () => decodeObject(bytes)
    },
  },
  {
    name: 'metadata: padding',
    max: 64_000,
    make(n) {
      const bytes = encodeMetadata({}, n)
      return () => decodeMetadata(bytes)
    },
  },
  refused('metadata: too many headers', 8_192, (n) => {
    const headers = new Map(Array.from({ length: n }, (_, i) => [`${10_000 + i}`, '']))
    const bytes = encodeCbor(new Map([[3, headers]]))
    return () => decodeMetadata(bytes)
  }),
  statement('long payload', STATEMENT_ROOM, (n) => new Uint8Array(n), decodeStatement),
  refused('Sign1: many header parameters', MIB / 8, (n) => {
    const labels = new Map(Array.from({ length: n }, (_, i) => [100 + i, 0]))
    const bytes = encodeCbor(new CborTag(18, [encodeCbor(labels), labels, ID, new Uint8Array(64)]))
    return () => decodeSign1(bytes, 'message')
  }),
  {
    name: 'trust bundle: revoked principals',
    max: 9_984,
    make(n) {
      const bytes = bundle(n, 0)
      return () => decodeTrustBundle(crypto, bytes)
    },
  },
  {
    name: 'trust bundle: partners',
    max: 256,
    make(n) {
      const bytes = bundle(0, n)
      return () => decodeTrustBundle(crypto, bytes)
    },
  },
  {
    name: 'trust: a bundle of many revoked is taken',
    max: 9_984,
    make(n) {
      const bytes = bundle(n, 0)
      return () => new Trust({ crypto, bundle: bytes })
    },
  },
  {
    name: 'message: a long credential',
    max: STATEMENT_ROOM,
    make(n) {
      const envelope = { id: new Uint8Array(16), issued: 1, expires: 2, credential: new Uint8Array(n) }
      const body = { outcome: 'done' } as const
      const bytes = signMessage({ type: 'ack', envelope, body, author: ID, key: KEY, recipient: null })
      return () => decodeMessage(crypto, bytes)
    },
  },
  packed('stored', (n) => new Uint8Array(deflateRawSync(new Uint8Array(n), { level: 0 }))),
  packed('repetitions', (n) => new Uint8Array(deflateRawSync(noise(n).map((byte, i) => (i % 256 < 32 ? byte : 0))))),
  packed('literals', (n) => new Uint8Array(deflateRawSync(noise(n), { strategy: constants.Z_HUFFMAN_ONLY }))),
  {
    name: 'seen ranges: many ranges',
    max: MAX_SEEN,
    make(n) {
      const bytes = new Uint8Array(2 + leb(n).length + 2 * n)
      bytes.set([1, ...leb(n)])
      return () => SeenRanges.restore(bytes)
    },
  },
  {
    name: 'seen ranges: many digests',
    max: MAX_SEEN,
    make: (n) => digests(n),
  },
  ring('node ring: one beside another', MAX_NODES, (n) => Array.from({ length: n }, (_, i) => node(1, 32, i))),
  ring('node ring: many at one place', MAX_NODES, (n) => Array.from({ length: n }, () => node(0, 32, 5))),
  ring('node ring: one below another', MAX_NODES, (n) => Array.from({ length: n }, (_, i) => node(0, 1 + (i % 32), 0))),
  ring('node ring: many sources', MAX_NODES, (n) => [[1, 0, 0, ID, Array.from({ length: n }, (_, i) => [`${i}`, 'x', 1])]]),
  text('hex', MIB, (n) => '0f'.repeat(n / 2), fromHex),
  text('base64url', MIB, (n) => 'AAAA'.repeat(n / 4), fromBase64Url),
  text('a name below a pattern', 255, (n) => 'a/'.repeat(n >> 1).slice(0, -1), (name) => matchesName('+/'.repeat(name.length >> 2) + '#', name)),
  text('a pattern below a pattern', 255, (n) => '+/'.repeat(n >> 1).slice(0, -1), (name) => patternCovers('+/'.repeat(name.length >> 2) + '#', name)),
] // prettier-ignore

function packed(name: string, data: (size: number) => Uint8Array): Family {
  return {
    name: `packed message: ${name}`,
    max: STATEMENT_ROOM,
    make(n) {
      const bytes = encodeCbor([[], data(n)])
      return () => unpackMessage(bytes, () => undefined)
    },
  }
}

/** Bytes of 64 values, which a code makes shorter. */
function noise(size: number): Uint8Array {
  let state = 1
  return Uint8Array.from({ length: size }, () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return state >> 25
  })
}

function cbor(name: string, max: number, value: (size: number) => CborValue): Family {
  return {
    name: `CBOR: ${name}`,
    max,
    make(size) {
      const bytes = encodeCbor(value(size))
      return () => decodeCbor(bytes, 'value')
    },
  }
}

/** What has to be refused, and is only timed. */
function refused(name: string, max: number, make: (size: number) => () => unknown): Family {
  return {
    name,
    max,
    make(size) {
      const call = make(size)
      return () => {
        try {
          call()
        } catch {
          return undefined
        }
        throw new TypeError(`${name}: accepted`)
      }
    },
  }
}

function archive(
  name: string,
  max: number,
  pieces: (size: number) => readonly Uint8Array[],
): Family {
  return {
    name: `archive: ${name}`,
    max,
    make(size) {
      const all = pieces(size)
      return () => {
        const reader = new ArchiveReader()
        for (const piece of all) reader.push(piece)
        reader.end()
      }
    },
  }
}

function statement(
  name: string,
  max: number,
  payload: (size: number) => Uint8Array,
  decode: (bytes: Uint8Array) => unknown,
): Family {
  return {
    name: `statement: ${name}`,
    max,
    make(size) {
      const header = new Map<number, CborValue>([[1, -19], [4, ID], [16, 'waxwing-ack+cose']]) // prettier-ignore
      const parts = [encodeCbor(header), new Map(), payload(size), new Uint8Array(64)]
      const bytes = encodeCbor(new CborTag(18, parts))
      return () => decode(bytes)
    },
  }
}

function ring(name: string, max: number, form: (size: number) => CborValue): Family {
  return {
    name,
    max,
    make(size) {
      const nodes = form(size)
      return () => {
        try {
          NodeRing.restore(crypto, nodes)
        } catch {
          // What cannot stand in a ring takes its time as well.
        }
      }
    },
  }
}

function text(
  name: string,
  max: number,
  of: (size: number) => string,
  parse: (text: string) => unknown,
): Family {
  return {
    name: `text: ${name}`,
    max,
    make(size) {
      const made = of(size)
      return () => parse(made)
    },
  }
}

function nested(depth: number): CborValue {
  let value: CborValue = []
  for (let i = 0; i < depth; i++) value = [value]
  return value
}

function node(proven: 0 | 1, depth: number, index: number): CborValue {
  return [proven, depth, index, ID, [['grant', 'x', 1]]]
}

function bundle(revokedCount: number, partnerCount: number): Uint8Array {
  const publicKey = KEY.publicKey
  const patterns = Array.from({ length: 64 }, (_, i) => `plant/${i}/#`)
  return signTrustBundle(
    crypto,
    {
      domainId: ID,
      version: 1,
      issued: 0,
      expires: 1,
      anchors: [{ key: publicKey, from: 0, until: null }],
      keepers: [],
      recovery: null,
      partners: Array.from({ length: partnerCount }, () => ({ domainId: ID, anchors: [publicKey], patterns })), // prettier-ignore
      revoked: Array.from({ length: revokedCount }, (_, since) => ({ principalId: ID, since })),
      requireXWing: false,
    },
    KEY,
  )
}

function digests(count: number): () => unknown {
  const bytes = new Uint8Array(1 + 1 + 1 + leb(count - 1).length + leb(count).length + 9 * count)
  bytes.set([1, 1, 0, ...leb(count - 1), ...leb(count)])
  const start = bytes.length - 9 * count
  for (let i = 1; i < count; i++) bytes[start + 9 * i] = 2
  return () => SeenRanges.restore(bytes)
}

/** Seven bits a byte, the lowest first. */
function leb(number: number): readonly number[] {
  return number < 128 ? [number] : [(number % 128) + 128, ...leb(Math.floor(number / 128))]
}
