// SPDX-License-Identifier: Apache-2.0
/**
 * Decoders of bytes and of texts. What they accept, they must give back: the encoding made anew is
 * the one that came, byte for byte.
 *
 * @module
 */

import {
  decodeCbor,
  decodeClearProperties,
  decodeEncrypt0,
  decodeHpke,
  decodeNodes,
  decodeSign1,
  decodeStatement,
  encodeCbor,
  encodeClearProperties,
  encodeNodes,
  encodeProtected,
  fromBase64Url,
  fromHex,
  fromUtf8,
  isSealedMessage,
  NodeRing,
  parseCoseKey,
  encodeCoseKey,
  sealedKid,
  SeenRanges,
  spanFromCbor,
  spanToCbor,
  toBase64Url,
  toHex,
  TransferProgress,
  utf8,
  CborTag,
  type CborValue,
} from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import {
  archiveIsWhole,
  compactIsGivenBack,
  metadataIsGivenBack,
  objectIsGivenBack,
  packedIsGivenBack,
  patternsAgree,
  sameUnlessEmptyHeader,
  splitAlike,
} from './byte-trials.ts'
import { arrayIn } from './fields.ts'
import { same } from './same.ts'
import { casesOf, fieldOf, MESSAGE_FILES, publishedSeeds } from './seeds.ts'
import type { Target } from './target.ts'

/** Everything that vectors call a statement. */
function statementSeeds(): readonly Uint8Array[] {
  return [
    ...fieldOf('message', ...MESSAGE_FILES),
    ...fieldOf('manifest', 'manifests'),
    ...fieldOf('credential', 'credentials'),
    ...fieldOf('card', 'key-cards'),
    ...fieldOf('bundle', 'bundles'),
    ...fieldOf('link', 'links'),
  ]
}

function objectSeeds(): readonly Uint8Array[] {
  const ofBatches = casesOf('batches').flatMap(({ objects }) =>
    ((objects ?? []) as readonly { readonly object: string }[]).map(({ object }) =>
      fromHex(object),
    ),
  )
  return [...fieldOf('object', 'objects', 'batches'), ...ofBatches]
}

export function byteTargets(): readonly Target[] {
  const published = publishedSeeds()
  const statements = statementSeeds()
  const objects = objectSeeds()
  const sealed = fieldOf('sealed', 'sealed')
  const anything = [...published, ...statements, ...objects, ...sealed]
  return [
    {
      name: 'CBOR',
      covers: ['decodeCbor'],
      codes: ['ERR_MALFORMED'],
      seeds: [
        ...anything,
        ...fieldOf('payload', ...MESSAGE_FILES, 'links', 'bundles', 'key-cards'),
      ],
      weight: 10,
      run: (bytes) => same('value', encodeCbor(decodeCbor(bytes, 'item')), bytes),
    },
    {
      name: 'items',
      covers: ['itemEnd', 'encodeArchiveItem', 'ArchiveReader'],
      codes: [],
      seeds: [...anything, ...pairsOf(anything)],
      weight: 8,
      run: splitAlike,
    },
    {
      name: 'archive',
      covers: ['readArchive'],
      codes: ['ERR_MALFORMED', 'ERR_LIMIT'],
      seeds: pairsOf(objects),
      weight: 2,
      run: archiveIsWhole,
    },
    {
      name: 'COSE_Sign1',
      covers: ['decodeSign1', 'readHeader'],
      codes: ['ERR_MALFORMED', 'ERR_UNSUPPORTED'],
      seeds: [...published, ...statements],
      weight: 8,
      run(bytes) {
        const tagged = bytes[0] === 0xd2
        const message = decodeSign1(bytes, 'message', { tagged })
        const { protectedHeader, protectedBytes, unprotectedHeader, payload, signature } = message
        const parts = [protectedBytes, unprotectedHeader, payload, signature]
        return (
          same('header', encodeProtected(protectedHeader), protectedBytes) ??
          sameUnlessEmptyHeader(encodeCbor(tagged ? new CborTag(18, parts) : parts), bytes)
        )
      },
    },
    {
      name: 'COSE_Encrypt0',
      covers: ['decodeEncrypt0'],
      codes: ['ERR_MALFORMED', 'ERR_UNSUPPORTED'],
      seeds: [...published, ...sealed, ...objects],
      weight: 6,
      run(bytes) {
        const tagged = bytes[0] === 0xd0
        const message = decodeEncrypt0(bytes, 'message', { tagged })
        const { protectedBytes, unprotectedHeader, ciphertext } = message
        const parts = [protectedBytes, unprotectedHeader, ciphertext]
        return sameUnlessEmptyHeader(encodeCbor(tagged ? new CborTag(16, parts) : parts), bytes)
      },
    },
    {
      name: 'COSE-HPKE',
      covers: ['decodeHpke', 'sealedKid', 'isSealedMessage'],
      codes: ['ERR_MALFORMED', 'ERR_UNSUPPORTED', 'ERR_LIMIT'],
      seeds: [...published, ...sealed],
      weight: 6,
      run(bytes) {
        const { kind, encapsulatedKey } = decodeHpke(bytes)
        if (encapsulatedKey.length !== (kind === 'x25519' ? 32 : 1120))
          return 'ek of a wrong length'
        if (!isSealedMessage(bytes)) return 'not taken for sealed'
        return sealedKid(bytes).length === 8 ? undefined : 'kid of a wrong length'
      },
    },
    {
      name: 'COSE_Key',
      covers: ['parseCoseKey'],
      codes: ['ERR_MALFORMED', 'ERR_UNSUPPORTED'],
      seeds: [...published, ...coseKeys()],
      weight: 6,
      run(bytes) {
        const key = parseCoseKey(decodeCbor(bytes, 'key'), 'key')
        return same('key', encodeCoseKey(key), bytes)
      },
    },
    {
      name: 'statement',
      covers: ['decodeStatement', 'decodeStatementOf'],
      codes: ['ERR_MALFORMED', 'ERR_UNSUPPORTED', 'ERR_LIMIT'],
      seeds: statements,
      weight: 10,
      run(bytes) {
        const { message, payload } = decodeStatement(bytes)
        const parts = [encodeCbor(message.protectedHeader), new Map(), payload, message.signature]
        return same('statement', encodeCbor(new CborTag(18, parts)), bytes)
      },
    },
    {
      name: 'object',
      covers: ['decodeObject'],
      codes: ['ERR_MALFORMED', 'ERR_UNSUPPORTED'],
      seeds: objects,
      weight: 14,
      run: objectIsGivenBack,
    },
    {
      name: 'compact form',
      covers: ['decodeCompact', 'encodeCompact', 'isCompact'],
      codes: ['ERR_MALFORMED', 'ERR_UNSUPPORTED'],
      seeds: [...fieldOf('compact', 'compact'), ...fieldOf('object', 'compact'), ...objects],
      weight: 8,
      run: compactIsGivenBack,
    },
    {
      name: 'packed message',
      covers: ['unpackMessage', 'decodePackedMessage', 'isPackedMessage'],
      codes: ['ERR_MALFORMED', 'ERR_LIMIT', 'ERR_KEY_UNKNOWN'],
      seeds: fieldOf('packed', 'packed'),
      weight: 8,
      run: packedIsGivenBack,
    },
    {
      name: 'clear properties',
      covers: ['decodeClearProperties'],
      codes: [],
      seeds: [...fieldOf('clearPart', 'objects'), ...clearProperties()],
      weight: 4,
      run(bytes) {
        const properties = decodeClearProperties(bytes)
        if (properties === undefined) return undefined
        return same('clear properties', encodeClearProperties(properties), bytes)
      },
    },
    {
      name: 'metadata',
      covers: ['decodeMetadata'],
      codes: ['ERR_MALFORMED', 'ERR_LIMIT'],
      seeds: [...fieldOf('metadata', 'objects'), ...published],
      weight: 10,
      run: metadataIsGivenBack,
    },
    {
      name: 'nodes',
      covers: ['decodeNodes', 'spanFromCbor'],
      codes: ['ERR_MALFORMED'],
      seeds: packedCovers(),
      weight: 6,
      run(bytes) {
        const [form, nodes] = arrayIn(bytes)
        if (form === undefined || !(nodes instanceof Uint8Array)) return undefined
        const span = spanFromCbor(form, 'span')
        return (
          same('span', encodeCbor(spanToCbor(span)), encodeCbor(form)) ??
          same('nodes', encodeNodes(decodeNodes(nodes, span)), nodes)
        )
      },
    },
    {
      name: 'node ring',
      covers: ['NodeRing.restore'],
      codes: ['ERR_MALFORMED'],
      seeds: ringSeeds(),
      weight: 6,
      run(bytes) {
        const ring = NodeRing.restore(sodiumProvider, decodeCbor(bytes, 'ring'))
        const once = ring.serialize() // in the order of the tree, whatever order they came in
        const twice = NodeRing.restore(sodiumProvider, once).serialize()
        return same('ring', encodeCbor(twice), encodeCbor(once))
      },
    },
    {
      name: 'seen ranges',
      covers: ['SeenRanges.restore'],
      codes: ['ERR_MALFORMED'],
      seeds: seenSeeds(),
      weight: 10,
      run: (bytes) => same('ranges', SeenRanges.restore(bytes).serialize(), bytes),
    },
    {
      name: 'transfer progress',
      covers: ['TransferProgress.restore'],
      codes: ['ERR_MALFORMED'],
      seeds: transferSeeds(),
      weight: 6,
      run: (bytes) => same('progress', TransferProgress.restore(bytes).serialize(), bytes),
    },
    {
      name: 'hex and base64url',
      covers: ['fromHex', 'fromBase64Url', 'fromUtf8'],
      codes: [],
      typeError: true,
      seeds: ['00ff', 'DEADbeef', 'AA', 'AQ', '_-0', ''].map(utf8),
      weight: 4,
      run(bytes) {
        const text = fromUtf8(bytes)
        const binary = fromBase64Url(text)
        if (binary !== undefined && toBase64Url(binary) !== text) return 'another base64url'
        return toHex(fromHex(text)) === text.toLowerCase() ? undefined : 'another hex'
      },
    },
    {
      name: 'names and patterns',
      covers: ['isStreamName', 'isNamePattern', 'matchesName', 'patternCovers'],
      codes: [],
      seeds: nameSeeds(),
      weight: 6,
      run: patternsAgree,
    },
  ]
}

/** Two after one another, here and there. */
function pairsOf(seeds: readonly Uint8Array[]): readonly Uint8Array[] {
  return seeds.slice(0, 60).map((seed, i) => Buffer.concat([seed, seeds[(7 * i) % seeds.length]!]))
}

function coseKeys(): readonly Uint8Array[] {
  const ofCards = casesOf('key-cards').flatMap(({ keys }) =>
    ((keys ?? []) as readonly unknown[]).filter((key) => typeof key === 'string'),
  )
  const curves = fieldOf('publicKey', 'manifests').map((publicKey) =>
    encodeCoseKey({ kind: 'ed25519', publicKey }),
  )
  const xWing = encodeCoseKey({ kind: 'x-wing', publicKey: new Uint8Array(1216) })
  return [...ofCards.map((key) => fromHex(key)), ...curves.slice(0, 4), xWing]
}

function clearProperties(): readonly Uint8Array[] {
  const many = Array.from({ length: 64 }, (_, i) => [`name ${i}`, `value ${i}`])
  const records = [{}, { unit: 'C' }, { region: 'north', unit: 'C' }, Object.fromEntries(many)]
  return records.map((record) => encodeClearProperties(record as Record<string, string>))
}

function packedCovers(): readonly Uint8Array[] {
  return casesOf('covers')
    .filter(({ nodes }) => typeof nodes === 'string')
    .map(({ span, nodes }) =>
      encodeCbor([decodeCbor(fromHex(span as string), 'span'), fromHex(nodes as string)]),
    )
}

function ringSeeds(): readonly Uint8Array[] {
  const key = new Uint8Array(32)
  const source = ['grant', 'keeper', 1]
  const forms: CborValue[] = [
    [],
    [[1, 0, 0, key, [source]]],
    [[1, 32, 5, key, [source]], [1, 32, 6, key, [source, ['own', 'own', 0]]]],
    [[1, 1, 0, key, [source]], [0, 1, 1, key, [source]], [0, 2, 3, key, [source]]],
  ] // prettier-ignore
  return forms.map(encodeCbor)
}

function seenSeeds(): readonly Uint8Array[] {
  const seen = new SeenRanges()
  const seeds = [seen.serialize()]
  for (const counter of [0, 1, 2, 9, 8, 300, 2 ** 24 - 1, 2 ** 40 - 1, 70, 71]) {
    seen.add(counter, new Uint8Array(8).fill(counter))
    seeds.push(seen.serialize())
  }
  return seeds
}

function transferSeeds(): readonly Uint8Array[] {
  const progress = new TransferProgress()
  const seeds = [progress.serialize()]
  for (const index of [0, 1, 2, 9, 8, 300, 70, 71, 500]) {
    const last = index === 500
    progress.add({ index, last, bytes: last ? 5 : 1000, ...(index === 0 && { size: 500_005 }) })
    seeds.push(progress.serialize())
  }
  return seeds
}

function nameSeeds(): readonly Uint8Array[] {
  return ['plant/+/x\nplant/1/x\nplant/#', '#\na\n+/b/#', 'a/b\na/b\na/b', 'a//b\n/\n+/+'].map(utf8)
}
