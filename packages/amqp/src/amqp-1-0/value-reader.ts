// SPDX-License-Identifier: Apache-2.0
/**
 * The values of AMQP 1.0 (Part 1, Section 1.6), read with bounds.
 *
 * rhea reads values as deep, and arrays as long, as their bytes claim: forty bytes of anybody's message
 * can say "four thousand million times nothing". So messages are read here and not there
 * (`message.ts`), and frames are checked here before rhea sees them (`frames.ts`).
 *
 * Every value says its own length, so one that does not matter is skipped without being looked at.
 *
 * @module
 */

/** The bytes are no value, or not the one that should be there. */
export class UnreadableError extends Error {
  override readonly name: string = 'UnreadableError'
}

const MAX_DEPTH = 16
/** Elements that take no bytes, of one array: nobody needs any. */
const MAX_EMPTY_ELEMENTS = 1_024
const DESCRIBED = 0x00
const NULL = 0x40
const LIST_0 = 0x45

export class ValueReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #offset: number
  #end: number

  constructor(bytes: Uint8Array, begin = 0, end: number = bytes.length) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#offset = begin
    this.#end = end
  }

  get offset(): number {
    return this.#offset
  }

  get isAtEnd(): boolean {
    return this.#offset >= this.#end
  }

  /** The descriptor of the value that follows: its number, or its name. */
  descriptor(): number | string {
    if (this.#uint(1) !== DESCRIBED) throw new UnreadableError('a value has no descriptor')
    const code = this.#uint(1)
    if (code === 0x53) return this.#uint(1)
    if (code === 0x44) return 0
    if (code === 0x80) return this.#wide()
    if (code === 0xa3 || code === 0xb3) return this.#text(code)
    throw new UnreadableError('a descriptor is neither a number nor a name')
  }

  /** A string or a symbol; `undefined` if the value is of another type. */
  text(): string | undefined {
    const code = this.#peek()
    if (![0xa1, 0xb1, 0xa3, 0xb3].includes(code)) return this.#other()
    this.#offset++
    return this.#text(code)
  }

  /** A view of binary; `undefined` if the value is of another type. */
  binary(): Uint8Array | undefined {
    const code = this.#peek()
    if (code !== 0xa0 && code !== 0xb0) return this.#other()
    this.#offset++
    return this.#take(this.#uint(code === 0xa0 ? 1 : 4))
  }

  /** A boolean; `undefined` if the value is of another type. */
  flag(): boolean | undefined {
    const code = this.#peek()
    if (code === 0x41 || code === 0x42) {
      this.#offset++
      return code === 0x41
    }
    if (code !== 0x56) return this.#other()
    this.#offset++
    return this.#uint(1) === 1
  }

  /** An unsigned integer of up to 32 bits; `undefined` if the value is of another type. */
  count(): number | undefined {
    const width = { 0x43: 0, 0x50: 1, 0x52: 1, 0x60: 2, 0x70: 4 }[this.#peek()]
    if (width === undefined) return this.#other()
    this.#offset++
    return width === 0 ? 0 : this.#uint(width as 1 | 2 | 4)
  }

  /** Begins a list or a map, and returns how many values are in it. */
  open(kind: 'list' | 'map'): number {
    const code = this.#uint(1)
    if (kind === 'list' && code === LIST_0) return 0
    const [narrow, wide] = kind === 'list' ? [0xc0, 0xd0] : [0xc1, 0xd1]
    if (code !== narrow && code !== wide) throw new UnreadableError(`a ${kind} is none`)
    return this.#sizeAndCount(code === narrow ? 1 : 4).count
  }

  /** Goes past one value. */
  skip(): void {
    const code = this.#uint(1)
    if (code === DESCRIBED) {
      this.#check(MAX_DEPTH - 1) // a descriptor
      this.skip()
      return
    }
    this.#take(this.#lengthOf(code))
  }

  /** Goes past one value and looks at all that is in it: no deeper, longer or shorter than it says. */
  check(): void {
    this.#check(0)
  }

  #check(depth: number): void {
    if (depth >= MAX_DEPTH) throw new UnreadableError('values are nested too deep')
    const code = this.#uint(1)
    if (code === DESCRIBED) {
      this.#check(depth + 1)
      this.#check(depth + 1)
    } else this.#body(code, depth)
  }

  #body(code: number, depth: number): void {
    const form = code >> 4
    if (form < 0xc) {
      this.#take(this.#lengthOf(code))
      return
    }
    const { count, end } = this.#sizeAndCount(form % 2 === 0 ? 1 : 4)
    if (form >= 0xe) this.#elements(count, end, depth + 1)
    else for (let i = 0; i < count; i++) this.#check(depth + 1)
    if (this.#offset !== end) throw new UnreadableError('a value is not as long as it says')
  }

  #elements(count: number, end: number, depth: number): void {
    if (depth >= MAX_DEPTH) throw new UnreadableError('values are nested too deep')
    let code = this.#uint(1)
    if (code === DESCRIBED) {
      this.#check(depth)
      code = this.#uint(1)
    }
    if (code >> 4 === 4 && count > MAX_EMPTY_ELEMENTS) throw new UnreadableError('a long array')
    for (let i = 0; i < count; i++) this.#body(code, depth)
    if (this.#offset > end) throw new UnreadableError('an array is longer than it says')
  }

  #sizeAndCount(width: 1 | 4): { readonly count: number; readonly end: number } {
    const end = this.#uint(width) + this.#offset
    if (end > this.#end) throw new UnreadableError('the bytes end within a value')
    return { count: this.#uint(width), end }
  }

  /** The length of what follows a constructor, where that is known by it and the size after it. */
  #lengthOf(code: number): number {
    const form = code >> 4
    if (form < 4) throw new UnreadableError('there is no such type')
    if (form === 4) return 0
    if (form < 0xa) return 2 ** (form - 5)
    return this.#uint(form % 2 === 0 ? 1 : 4)
  }

  #other(): undefined {
    if (this.#peek() === NULL) this.#offset++
    else this.skip()
    return undefined
  }

  #text(code: number): string {
    const bytes = this.#take(this.#uint(code < 0xb0 ? 1 : 4))
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')
  }

  #peek(): number {
    if (this.#offset >= this.#end) throw new UnreadableError('the bytes end within a value')
    return this.#view.getUint8(this.#offset)
  }

  #uint(width: 1 | 2 | 4): number {
    const at = this.#advance(width)
    if (width === 1) return this.#view.getUint8(at)
    return width === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at)
  }

  #wide(): number {
    return Number(this.#view.getBigUint64(this.#advance(8)))
  }

  #take(length: number): Uint8Array {
    const at = this.#advance(length)
    return this.#bytes.subarray(at, this.#offset)
  }

  #advance(length: number): number {
    const at = this.#offset
    if (at + length > this.#end) throw new UnreadableError('the bytes end within a value')
    this.#offset = at + length
    return at
  }
}
