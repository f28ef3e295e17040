// SPDX-License-Identifier: Apache-2.0
/**
 * Every published case that concerns the core, by its source and a name that says what it is.
 *
 * A source is a file of many cases, or a folder of files with one case each. Invariant: what the
 * folder holds is either in a source, or of a part that is left for later, or no vector. A file that
 * nobody knows is an error, so that nothing that is added goes unnoticed.
 *
 * @module
 */

import { listPublished, readPublished } from './folder.js'
import { LATER } from './out-of-scope.js'

/** Reads the cases of a file: pairs of a name and what the case holds. */
type Reader = (file: never) => readonly (readonly [string, unknown])[]

interface Hexed {
  readonly hex: string
}

interface Malformed {
  readonly notWellFormed: readonly Hexed[]
  readonly wellFormedButInvalid: readonly Hexed[]
}

/** What a setup holds beside its messages and secrets. */
export interface HpkeSetup {
  readonly mode: number
  readonly kem_id: number
  readonly kdf_id: number
  readonly aead_id: number
  readonly encryptions: readonly HpkeEncryption[]
  readonly exports: readonly HpkeExport[]
}

export interface HpkeEncryption {
  /** Left out where the messages follow each other. */
  readonly seq?: number
  readonly aad: string
  readonly ct: string
  readonly pt: string
}

export interface HpkeExport {
  readonly exporter_context: string
  readonly L: number
  readonly exported_value: string
}

interface CoseHpkeFile {
  readonly inputs: Readonly<Record<string, string>>
  readonly vectors: readonly { readonly id: string }[]
}

interface AlgorithmsFile {
  readonly headerParameters: unknown
  readonly algorithms: readonly { readonly name: string }[]
}

interface WycheproofFile {
  readonly testGroups: readonly (WycheproofGroup & {
    readonly tests: readonly { readonly tcId: number }[]
  })[]
}

interface WycheproofGroup {
  readonly keySize?: number
  readonly ivSize?: number
  readonly tagSize?: number
}

const HPKE_MODES = ['base', 'psk', 'auth', 'auth-psk']

const READERS: readonly (readonly [RegExp, Reader])[] = [
  [/^cbor\/(appendix_a|wellformed)\.json$/, byHex],
  [/^cbor\/malformed\.json$/, ofMalformed],
  [/^hpke\//, ofHpke],
  [/^cose-hpke\/testvectors(-iv12)?\.json$/, ofCoseHpke],
  [/^cose-hpke\/examples\.json$/, byId],
  [/^cose-hpke\/algorithms\.json$/, ofAlgorithms],
  [/^wycheproof\//, ofWycheproof],
]

/** A folder whose files are one case each. */
const FOLDER_OF_CASES = /^(cose\/[^/]+)\/([^/]+)\.json$/

/** All sources with the files that they are made of. @throws {Error} For a file that nobody knows. */
export function sources(): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>()
  for (const path of listPublished()) {
    if (path === 'README.md' || LATER.some(({ folder }) => path.startsWith(`${folder}/`))) continue
    const source = FOLDER_OF_CASES.exec(path)?.[1] ?? path
    if (source === path && readerOf(path) === undefined) throw new Error(`unknown file: ${path}`)
    found.set(source, [...(found.get(source) ?? []), path])
  }
  return found
}

/**
 * The cases of a source by name, in the order of the file.
 *
 * @throws {Error} If it is missing or empty, or if two cases have one name.
 */
export function casesOf<T>(source: string): ReadonlyMap<string, T> {
  const files = sources().get(source)
  if (files === undefined) throw new Error(`${source} is not among the published vectors`)
  const pairs = files.flatMap((path) => readCases(path))
  const cases = new Map(pairs)
  if (cases.size === 0) throw new Error(`${source} has no cases`)
  if (cases.size !== pairs.length) throw new Error(`${source} has two cases of one name`)
  return cases as ReadonlyMap<string, unknown> as ReadonlyMap<string, T>
}

function readerOf(path: string): Reader | undefined {
  return READERS.find(([pattern]) => pattern.test(path))?.[1]
}

function readCases(path: string): readonly (readonly [string, unknown])[] {
  const name = FOLDER_OF_CASES.exec(path)?.[2]
  if (name !== undefined) return [[name, readPublished(path)]]
  return readerOf(path)!(readPublished<never>(path))
}

function byHex(items: readonly Hexed[]): readonly (readonly [string, Hexed])[] {
  return items.map((item) => [item.hex, item])
}

function ofMalformed(file: Malformed): readonly (readonly [string, Hexed])[] {
  return byHex([...file.notWellFormed, ...file.wellFormedButInvalid])
}

/** Each setup is a case by itself, for its keys, and one for each of its messages and secrets. */
function ofHpke(setups: readonly HpkeSetup[]): readonly (readonly [string, unknown])[] {
  return setups.flatMap((setup) => {
    const ids = [setup.kem_id, setup.kdf_id, setup.aead_id]
    const hexIds = ids.map((id) => `0x${id.toString(16).padStart(4, '0')}`)
    const suite = `${HPKE_MODES[setup.mode]} ${hexIds.join(' ')}`
    return [
      [`${suite}: keys`, { setup }] as const,
      ...setup.encryptions.map((encryption, i) => {
        const seq = encryption.seq ?? i
        return [`${suite}: message ${seq}`, { setup, encryption, seq }] as const
      }),
      ...setup.exports.map(
        (secret, i) => [`${suite}: secret ${i}`, { setup, export: secret }] as const,
      ),
    ]
  })
}

function ofCoseHpke({ inputs, vectors }: CoseHpkeFile): readonly (readonly [string, unknown])[] {
  return vectors.map((vector) => [vector.id, { ...vector, inputs }])
}

function byId(items: readonly { readonly id: string }[]): readonly (readonly [string, unknown])[] {
  return items.map((item) => [item.id, item])
}

function ofAlgorithms(file: AlgorithmsFile): readonly (readonly [string, unknown])[] {
  return [
    ['header parameters', file.headerParameters],
    ...file.algorithms.map((algorithm) => [algorithm.name, algorithm] as const),
  ]
}

/** Tests are named by their number; those of AEADs by their lengths in bits as well. */
function ofWycheproof(file: WycheproofFile): readonly (readonly [string, unknown])[] {
  return file.testGroups.flatMap((group) =>
    group.tests.map((test) => {
      const { keySize, ivSize, tagSize } = group
      const lengths =
        tagSize === undefined ? '' : `key ${keySize}, nonce ${ivSize}, tag ${tagSize}, `
      return [`${lengths}#${test.tcId}`, { ...test, group }] as const
    }),
  )
}
