// SPDX-License-Identifier: Apache-2.0
/**
 * Header fields (RFC 5322 Section 2.2) and their parameters (RFC 2045 Section 5.1, RFC 2231), as they
 * come: bounded by the caller, forgiving in form, and without backtracking.
 *
 * The first field of a name counts. Bytes are taken as Latin-1, so that a field has as many characters
 * as it has bytes; those of UTF-8 are put together again where a value is text.
 *
 * @module
 */

export interface HeaderFields {
  /** The value of the first field of this name, unfolded; names in lower case. */
  get(name: string): string | undefined
}

/** A value before its parameters, in lower case, and the parameters by lower-case name. */
export interface Structured {
  readonly value: string
  readonly parameters: ReadonlyMap<string, string>
}

const MAX_PARAMETERS = 64

/** Takes a header block apart, line ends included. Never throws. */
export function parseHeader(block: Uint8Array): HeaderFields {
  const fields = new Map<string, string>()
  const text = Buffer.from(block.buffer, block.byteOffset, block.length).toString('latin1')
  let field = ''
  const add = (): void => {
    const colon = field.indexOf(':')
    const name = field.slice(0, Math.max(colon, 0)).trim().toLowerCase()
    if (name !== '' && !fields.has(name)) fields.set(name, field.slice(colon + 1).trim())
    field = ''
  }
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith(' ') || line.startsWith('\t')) field += line
    else {
      add()
      field = line
    }
  }
  add()
  return fields
}

/** The text of a field whose bytes may be UTF-8 (RFC 6532). */
export function fieldText(value: string): string {
  return Buffer.from(value, 'latin1').toString('utf8')
}

/** Takes a structured field apart: `type/subtype; name=value`. Never throws. */
export function parseStructured(field: string): Structured {
  const [first = '', ...rest] = splitOutsideQuotes(field)
  const raw = new Map<string, string>()
  for (const piece of rest.slice(0, MAX_PARAMETERS)) {
    const equals = piece.indexOf('=')
    if (equals < 1) continue
    const name = piece.slice(0, equals).trim().toLowerCase()
    if (!raw.has(name)) raw.set(name, unquoted(piece.slice(equals + 1).trim()))
  }
  return { value: withoutComment(first).trim().toLowerCase(), parameters: joined(raw) }
}

/** At semicolons that stand in no quoted string. */
function splitOutsideQuotes(field: string): string[] {
  const pieces: string[] = []
  let begin = 0
  let isQuoted = false
  for (let at = 0; at < field.length; at++) {
    const sign = field[at]
    if (isQuoted && sign === '\\') at++
    else if (sign === '"') isQuoted = !isQuoted
    else if (sign === ';' && !isQuoted) {
      pieces.push(field.slice(begin, at))
      begin = at + 1
    }
  }
  pieces.push(field.slice(begin))
  return pieces
}

function withoutComment(text: string): string {
  const open = text.indexOf('(')
  return open === -1 ? text : text.slice(0, open)
}

function unquoted(text: string): string {
  if (!text.startsWith('"')) return withoutComment(text).trim()
  let value = ''
  for (let at = 1; at < text.length; at++) {
    if (text[at] === '"') break
    if (text[at] === '\\') at++
    value += text[at] ?? ''
  }
  return value
}

/** Parameters in several pieces, and with a character set: `name*0*=utf-8''…`, `name*1=…`. */
function joined(raw: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>()
  for (const [key, value] of raw) if (!key.includes('*')) parameters.set(key, value)
  for (const key of raw.keys()) {
    const star = key.indexOf('*')
    const name = key.slice(0, star)
    if (star > 0 && !parameters.has(name)) parameters.set(name, pieced(raw, name))
  }
  return parameters
}

function pieced(raw: ReadonlyMap<string, string>, name: string): string {
  const whole = raw.get(`${name}*`)
  if (whole !== undefined) return percentDecoded(afterCharset(whole))
  let text = ''
  for (let index = 0; index < MAX_PARAMETERS; index++) {
    const encoded = raw.get(`${name}*${index}*`)
    const piece = encoded ?? raw.get(`${name}*${index}`)
    if (piece === undefined) break
    if (encoded === undefined) text += piece.replaceAll('%', '%25')
    else text += index === 0 ? afterCharset(encoded) : encoded
  }
  return percentDecoded(text)
}

function afterCharset(text: string): string {
  const quote = text.indexOf("'", text.indexOf("'") + 1)
  return text.slice(quote + 1)
}

/** Percent-encoded UTF-8; what is not, is left as it is. */
export function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
