// SPDX-License-Identifier: Apache-2.0
/**
 * Changes what CBOR says and leaves the lengths around it right: so it gets past the framing, to what
 * reads the fields. A changed statement is signed again where the key is known, as one would who has
 * a credential and means ill.
 *
 * @module
 */

import { joined } from '../mutator.ts'
import { ARRAY, BYTES, MAP, TAG, TEXT } from './cbor-tree.ts'
import { allItems, bytesOfItem, copyOf, itemOf, stringOf, treeOf, type Item } from './cbor-tree.ts'

/** Who signs again what was changed. */
export interface Signer {
  /** Signs for the principal with this id, in hex; `undefined` if its key is not known. */
  sign(author: string, message: Uint8Array): Uint8Array | undefined
  /** For whom, one of them each time; `null` is for anybody. */
  readonly recipients: readonly (Uint8Array | null)[]
}

const MAX_CHANGES = 4
const MAX_NESTING = 20
const SIGN1_TAG = 18n
const OPEN_TYPES = /manifest|link|key-card|trust-bundle/
const MAX_ITEMS = 600
/** Around what heads, fields and JavaScript's numbers can hold. */
const EDGES: readonly bigint[] = [
  0n, 1n, 2n, 4n, 7n, 8n, 16n, 22n, 23n, 24n, 31n, 32n, 61n, 62n, 63n, 64n, 65n, 255n, 256n, 257n, 3600n,
  4095n, 4096n, 65_535n, 65_536n, 2n ** 24n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 40n - 1n,
  2n ** 40n, 2n ** 53n - 2n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n, 1_800_000_000n,
] // prettier-ignore
const TEXTS = ['', '#', '+', 'plant/1/#', '/', '//', 'a/', '\0', '\u{1f600}', 'e\u0301', '\ufeff', '__proto__', 'constructor', 'waxwing-link+cose', 'x'.repeat(256)] // prettier-ignore

export class TreeMutator {
  readonly #random: () => number
  readonly #signer: Signer | undefined

  /** @param random - From 0 to below 1. @param signer - Without one nothing is signed again. */
  constructor(random: () => number, signer?: Signer) {
    this.#random = random
    this.#signer = signer
  }

  /** Changes one of the right ones; `undefined` if it is no CBOR. @param other - To take from. */
  mutate(bytes: Uint8Array, other: Uint8Array): Uint8Array | undefined {
    const root = treeOf(bytes)
    if (root === undefined) return undefined
    const donor = treeOf(other) ?? itemOf(0, 0)
    const changes = 1 + this.#below(MAX_CHANGES)
    for (let i = 0; i < changes; i++) this.#change(root, donor)
    if (this.#below(8) > 0) sortMaps(root)
    if (this.#signer !== undefined && this.#below(3) > 0) {
      signAgain(root, this.#signer, this.#pick(this.#signer.recipients))
    }
    return bytesOfItem(root)
  }

  #change(root: Item, donor: Item): void {
    const items = allItems(root)
    if (items.length > MAX_ITEMS) return
    const item = this.#pick(items)
    const changes = [
      () => Object.assign(item, copyOf(this.#pick(allItems(donor)))),
      () => Object.assign(item, copyOf(this.#pick(items.slice(0, 1 + this.#below(items.length))))),
      () => Object.assign(item, this.#scalar()),
      () => this.#changeContent(item),
      () => this.#changeContent(item),
      () => this.#changeItems(item, donor),
      () => this.#changeItems(item, donor),
      () => Object.assign(item, this.#nested(item)),
      () => (item.excess = this.#below(4)),
      () => (item.major = this.#below(8)),
    ]
    changes[this.#below(changes.length)]?.()
  }

  #scalar(): Item {
    const kind = this.#below(7)
    if (kind < 2) return itemOf(kind, this.#number())
    if (kind === 2) return stringOf(BYTES, this.#bytes(this.#length()))
    if (kind === 3) return stringOf(TEXT, Buffer.from(this.#pick(TEXTS)))
    if (kind === 4) return itemOf(7, 20 + this.#below(3))
    return kind === 5 ? itemOf(ARRAY, 0) : itemOf(MAP, 0)
  }

  #changeContent(item: Item): void {
    if (item.major !== BYTES && item.major !== TEXT) {
      item.argument =
        this.#below(2) === 0 ? this.#number() : item.argument + BigInt(this.#below(5) - 2)
      if (item.argument < 0n) item.argument = 0n
      return
    }
    item.bytes = item.items[0] === undefined ? item.bytes : bytesOfItem(item.items[0])
    item.items = []
    const { bytes } = item
    const choice = this.#below(5)
    if (choice === 0) item.bytes = bytes.slice(0, this.#below(bytes.length + 1))
    else if (choice === 1) item.bytes = joined(bytes, this.#bytes(1 + this.#below(4)))
    else if (choice === 2) item.bytes = this.#bytes(this.#length())
    else if (bytes.length > 0) {
      item.bytes = bytes.slice()
      item.bytes[this.#below(bytes.length)] = this.#below(256)
    }
  }

  #changeItems(item: Item, donor: Item): void {
    const { items, major } = item
    if (major < ARRAY || major > MAP) return
    const step = major === MAP ? 2 : 1
    const at = step * this.#below(items.length / step + 1)
    const choice = this.#below(4)
    if (choice === 0) items.splice(at, step)
    else if (choice === 1) items.splice(at, 0, ...items.slice(at, at + step).map(copyOf))
    else if (choice === 2) {
      const added = [itemOf(this.#below(2), this.#below(24)), copyOf(this.#pick(allItems(donor)))]
      items.splice(at, 0, ...added.slice(0, step))
    } else items.push(...items.splice(at, step))
  }

  #nested(item: Item): Item {
    let around = copyOf(item)
    for (let left = 1 + this.#below(MAX_NESTING); left > 0; left--) {
      const major = this.#pick([ARRAY, TAG, BYTES, MAP])
      const items = major === MAP ? [itemOf(0, 1), around] : [around]
      around = itemOf(major, major === TAG ? this.#below(70) : 0, items)
    }
    return around
  }

  #number(): bigint {
    return this.#pick(EDGES)
  }

  #length(): number {
    return Math.min(300, Number(this.#number()))
  }

  #bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.#below(256))
  }

  #pick<T>(of: readonly T[]): T {
    return of[this.#below(of.length)]!
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }
}

/** Puts the keys of maps in order (RFC 8949 Section 4.2.1), inner ones first. Doubles stay. */
function sortMaps(item: Item): void {
  for (const inner of item.items) sortMaps(inner)
  if (item.major !== MAP) return
  const pairs: { key: Uint8Array; pair: Item[] }[] = []
  for (let i = 0; i + 1 < item.items.length; i += 2) {
    pairs.push({ key: bytesOfItem(item.items[i]!), pair: item.items.slice(i, i + 2) })
  }
  item.items = pairs.toSorted((a, b) => Buffer.compare(a.key, b.key)).flatMap(({ pair }) => pair)
}

/** Signs each statement anew, those inside others first. */
function signAgain(item: Item, signer: Signer, recipient: Uint8Array | null): void {
  for (const inner of item.items) signAgain(inner, signer, recipient)
  if (item.major !== TAG || item.argument !== SIGN1_TAG) return
  const [header, , payload, signature] = item.items[0]?.items ?? []
  if (header === undefined || payload === undefined || signature === undefined) return
  const [author, typ] = authorAndType(header)
  if (author === undefined || typ === undefined) return
  const aad = stringOf(BYTES, externalAad(typ, recipient))
  const label = stringOf(TEXT, Buffer.from('Signature1'))
  const structure = itemOf(ARRAY, 0, [label, header, aad, payload])
  const made = signer.sign(Buffer.from(author).toString('hex'), bytesOfItem(structure))
  if (made !== undefined) Object.assign(signature, stringOf(BYTES, made))
}

/** Of a protected header: labels 4 and 16. */
function authorAndType(header: Item): readonly (Uint8Array | undefined)[] {
  const fields = header.items[0]?.items ?? []
  return [4n, 16n].map((label) => {
    const at = fields.findIndex(
      (key, i) => i % 2 === 0 && key.major === 0 && key.argument === label,
    )
    return at < 0 ? undefined : fields[at + 1]?.bytes
  })
}

/** What names type and recipient; links and the like are for anybody, and a credential has none (Section 7.1). */
function externalAad(typ: Uint8Array, recipient: Uint8Array | null): Uint8Array {
  const text = Buffer.from(typ).toString()
  if (text.endsWith('+cwt')) return new Uint8Array()
  const isOpen = recipient === null || OPEN_TYPES.test(text)
  const to = isOpen ? itemOf(7, 22) : stringOf(BYTES, recipient)
  const label = stringOf(TEXT, Buffer.from('waxwing control v1'))
  return bytesOfItem(itemOf(ARRAY, 0, [label, stringOf(TEXT, typ), to]))
}
