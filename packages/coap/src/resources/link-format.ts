// SPDX-License-Identifier: Apache-2.0
/**
 * Links in the CoRE Link Format (RFC 6690), by which servers say what they have.
 *
 * Invariant: reading takes time linear in the text, whatever it is.
 *
 * @module
 */

import { malformed } from '@waxwing/core'

/** The attributes of a link. One without a value, such as `obs` or `osc`, is `true`. */
export type LinkAttributes = Readonly<Record<string, string | true>>

/** A link to a resource. */
export interface Link {
  /** The target, as it is written: mostly a path such as `/sensors/temperature`. */
  readonly href: string
  readonly attributes: LinkAttributes
}

// RFC 5987 parmname, with the asterisk of title* at its end; RFC 6690 ptoken.
const NAME = /[A-Za-z0-9!#$&+\-.^_`|~]+\*?/y
const TOKEN = /[A-Za-z0-9!#$%&'()*+\-./:<=>?@[\]^_`{|}~]+/y
const IS_NAME = /^[A-Za-z0-9!#$&+\-.^_`|~]+\*?$/
// A number need not be quoted; everything else is, as all examples of RFC 6690 have it.
const IS_NUMBER = /^[0-9]+$/
// oxlint-disable-next-line no-control-regex -- they are what no target may hold
const NOT_IN_TARGETS = /[<>"\u0000-\u0020\u007F]/
const BLANK = /[ \t\r\n]*/y

/**
 * Writes links.
 *
 * @throws {TypeError} If a target or the name of an attribute has characters that fit neither.
 */
export function formatLinkFormat(links: readonly Link[]): string {
  return links.map(formatLink).join(',')
}

/**
 * Reads links.
 *
 * @param text - Untrusted.
 * @returns The links in their order; of attributes with one name, the first.
 * @throws {WaxwingError} `ERR_MALFORMED`.
 */
export function parseLinkFormat(text: string): readonly Link[] {
  const reader = new LinkReader(text)
  if (reader.isAtEnd) return []
  const links = [reader.link()]
  while (reader.skip(',')) links.push(reader.link())
  if (!reader.isAtEnd) throw bad('end')
  return links
}

function formatLink({ href, attributes }: Link): string {
  if (NOT_IN_TARGETS.test(href)) throw new TypeError(`href has characters of no URI: ${href}`)
  const parts = Object.entries(attributes).map(([name, value]) => formatAttribute(name, value))
  return [`<${href}>`, ...parts].join(';')
}

function formatAttribute(name: string, value: string | true): string {
  if (!IS_NAME.test(name)) throw new TypeError(`attributes cannot have the name ${name}`)
  if (value === true) return name
  if (IS_NUMBER.test(value)) return `${name}=${value}`
  return `${name}="${value.replaceAll(/["\\]/g, String.raw`\$&`)}"`
}

class LinkReader {
  readonly #text: string
  #offset = 0

  constructor(text: string) {
    this.#text = text
    this.#match(BLANK)
  }

  get isAtEnd(): boolean {
    return this.#offset >= this.#text.length
  }

  /** Passes over a character, and blanks after it, if it is the next one. */
  skip(character: string): boolean {
    if (this.#text[this.#offset] !== character) return false
    this.#offset++
    this.#match(BLANK)
    return true
  }

  link(): Link {
    const href = this.#target()
    const attributes = new Map<string, string | true>()
    while (this.skip(';')) {
      const name = this.#match(NAME)
      if (name === '') throw bad('attribute')
      this.#match(BLANK)
      const value = this.skip('=') ? this.#value() : true
      if (!attributes.has(name)) attributes.set(name, value)
      this.#match(BLANK)
    }
    return { href, attributes: withoutPrototype(attributes) }
  }

  #target(): string {
    const end = this.#text.indexOf('>', this.#offset)
    if (this.#text[this.#offset] !== '<' || end === -1) throw bad('target')
    const href = this.#text.slice(this.#offset + 1, end)
    if (NOT_IN_TARGETS.test(href)) throw bad('target')
    this.#offset = end + 1
    this.#match(BLANK)
    return href
  }

  #value(): string {
    if (this.#text[this.#offset] === '"') return this.#quoted()
    const token = this.#match(TOKEN)
    if (token === '') throw bad('value')
    return token
  }

  #quoted(): string {
    let value = ''
    for (let offset = this.#offset + 1; offset < this.#text.length; offset++) {
      const character = this.#text[offset]!
      if (character === '"') {
        this.#offset = offset + 1
        return value
      }
      value += character === '\\' ? (this.#text[++offset] ?? '') : character
    }
    throw bad('value')
  }

  /** What a sticky expression finds here; the empty string if nothing. */
  #match(expression: RegExp): string {
    expression.lastIndex = this.#offset
    const [found = ''] = expression.exec(this.#text) ?? []
    this.#offset += found.length
    return found
  }
}

/** A name that a peer chose must not reach what all objects share. */
function withoutPrototype(attributes: ReadonlyMap<string, string | true>): LinkAttributes {
  const object = Object.create(null) as Record<string, string | true>
  for (const [name, value] of attributes) object[name] = value
  return object
}

function bad(field: string): Error {
  return malformed('link format', field)
}
