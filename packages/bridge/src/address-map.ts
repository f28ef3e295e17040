// SPDX-License-Identifier: Apache-2.0
/**
 * Where a message goes: pairs of filters (`docs/spec/09-bindings.md` Section 9.1), of which the first says what
 * is taken and the second what it is called on the other side. Wildcards correspond by position:
 * `a/+/b/# -> x/+/y/#`. So an address is found again on the way back.
 *
 * No map leads to a control address: whoever may send data must not speak on those by a detour. None leads
 * to more than 64 levels either: where maps of one broker onto itself make an address longer each time,
 * that is the end of it.
 *
 * @module
 */

import { isControlAddress } from '@waxwing/core'

export interface AddressPair {
  /** Filter on the side that is read. */
  readonly from: string
  /** Filter on the side that is written to, with the same wildcards in the same order. */
  readonly to: string
}

const MAX_LEVELS = 64

export class AddressMap {
  /** What to subscribe to. */
  readonly filter: string
  readonly #from: readonly string[]
  readonly #to: readonly string[]

  /** @throws {TypeError} If a filter is none, or the wildcards of the two differ. */
  constructor({ from, to }: AddressPair) {
    this.filter = from
    this.#from = levelsOf(from)
    this.#to = levelsOf(to)
    if (wildcards(this.#from) !== wildcards(this.#to)) {
      throw new TypeError(`maps: '${from}' and '${to}' must have the same wildcards in order`)
    }
  }

  /** The address on the other side; `undefined` if this one does not match, or there must be none. */
  translate(address: string): string | undefined {
    const rest = this.#captured(address.split('/'))
    if (rest === undefined) return undefined
    const levels: string[] = []
    for (const level of this.#to) {
      if (level === '#') levels.push(...rest)
      else levels.push(level === '+' ? (rest.shift() ?? '') : level)
    }
    if (levels.length > MAX_LEVELS) return undefined
    const target = levels.join('/')
    return target === '' || isControlAddress(target) ? undefined : target
  }

  /** The levels that stand for wildcards, first to last. */
  #captured(levels: readonly string[]): string[] | undefined {
    const captured: string[] = []
    for (const [i, wanted] of this.#from.entries()) {
      if (wanted === '#') return [...captured, ...levels.slice(i)]
      const level = levels[i]
      if (level === undefined || (wanted !== '+' && wanted !== level)) return undefined
      if (wanted === '+') captured.push(level)
    }
    return levels.length === this.#from.length ? captured : undefined
  }
}

function levelsOf(filter: string): readonly string[] {
  const levels = filter.split('/')
  const isWrong = levels.some((level, i) =>
    level === '#' ? i !== levels.length - 1 : level !== '+' && /[+#\0]/.test(level),
  )
  if (filter === '' || isWrong) throw new TypeError(`maps: '${filter}' is no filter`)
  if (isControlAddress(`${filter}/`)) {
    throw new TypeError(`maps: '${filter}' is for control messages, which need no map`)
  }
  return levels
}

function wildcards(levels: readonly string[]): string {
  return levels.filter((level) => level === '+' || level === '#').join('')
}
