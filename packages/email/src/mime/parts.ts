// SPDX-License-Identifier: Apache-2.0
/**
 * The parts of a mail (RFC 2046): multiparts and forwarded mails taken apart, in bounds, to the leaves.
 *
 * A part's bytes are views, found by its boundaries alone: nothing is copied or decoded here but
 * forwarded mails that were encoded, which RFC 2046 does not allow and gateways do. The time is bounded
 * by the length times the depth. A boundary that ends no part, or that is never there, makes its
 * multipart a leaf or its last part longer; it never fails.
 *
 * @module
 */

import { limitError } from '@waxwing/transport-kit'
import {
  parseHeader,
  parseStructured,
  type HeaderFields,
  type Structured,
} from './header-fields.js'
import { decodeBody } from './transfer-encoding.js'

export interface PartLimits {
  /** Of what forwarded mails that were encoded have in all. */
  readonly maxMailBytes: number
  readonly maxParts: number
  readonly maxDepth: number
  readonly maxHeaderBytes: number
}

/** A part that has no parts. */
export interface Leaf {
  readonly header: HeaderFields
  readonly type: Structured
  /** Still encoded: a view. */
  readonly body: Uint8Array
}

export interface MailParts {
  /** Of the mail itself. */
  readonly header: HeaderFields
  readonly type: Structured
  /** In their order, those of forwarded mails where these stand. */
  readonly leaves: readonly Leaf[]
}

const [LF, CR, DASH, SPACE, TAB] = [0x0a, 0x0d, 0x2d, 0x20, 0x09]
const MAX_BOUNDARY_LENGTH = 200 // 70 by RFC 2046 Section 5.1.1, which not everybody has read

/** @throws {WaxwingError} `ERR_LIMIT` with the limit's name. */
export function splitMail(mail: Uint8Array, limits: PartLimits): MailParts {
  const walk = new Walk(limits)
  const { header, type } = walk.entity(mail, 0)
  return { header, type, leaves: walk.leaves }
}

class Walk {
  readonly leaves: Leaf[] = []
  readonly #limits: PartLimits
  #partCount = 0
  #headerBytes = 0
  #decodedBytes = 0

  constructor(limits: PartLimits) {
    this.#limits = limits
  }

  /** A header, an empty line, a body: a mail, or a part of one. */
  entity(bytes: Uint8Array, depth: number): Leaf {
    const { maxDepth, maxParts } = this.#limits
    if (depth > maxDepth) throw limitError('a mail has parts within too many parts', 'maxDepth')
    if (++this.#partCount > maxParts) throw limitError('a mail has too many parts', 'maxParts')
    const { header, body } = this.#split(bytes)
    const type = parseStructured(header.get('content-type') ?? 'text/plain')
    const leaf = { header, type, body }
    const parts = type.value.startsWith('multipart/') ? multipart(leaf) : undefined
    if (parts !== undefined) for (const part of parts) this.entity(part, depth + 1)
    else if (type.value === 'message/rfc822' || type.value === 'message/global') {
      this.#forwarded(leaf, depth)
    } else this.leaves.push(leaf)
    return leaf
  }

  #forwarded({ header, body }: Leaf, depth: number): void {
    const encoding = header.get('content-transfer-encoding')
    if (!/base64|quoted/i.test(encoding ?? '')) {
      this.entity(body, depth + 1)
      return
    }
    this.#decodedBytes += body.length
    if (this.#decodedBytes > this.#limits.maxMailBytes) {
      throw limitError('a mail has too long mails within it', 'maxMailBytes')
    }
    this.entity(decodeBody(body, encoding) ?? body, depth + 1)
  }

  #split(bytes: Uint8Array): { header: HeaderFields; body: Uint8Array } {
    const bodyAt = bodyBegin(bytes)
    this.#headerBytes += bodyAt
    if (this.#headerBytes > this.#limits.maxHeaderBytes) {
      throw limitError('a mail has too long a header', 'maxHeaderBytes')
    }
    return { header: parseHeader(bytes.subarray(0, bodyAt)), body: bytes.subarray(bodyAt) }
  }
}

/** Behind the first empty line; the end where there is none. */
function bodyBegin(bytes: Uint8Array): number {
  for (let at = 0; at < bytes.length;) {
    if (bytes[at] === LF) return at + 1
    if (bytes[at] === CR && bytes[at + 1] === LF) return at + 2
    const lineEnd = bytes.indexOf(LF, at)
    if (lineEnd === -1) break
    at = lineEnd + 1
  }
  return bytes.length
}

/** The parts between the boundaries, one by one; `undefined` where there is no boundary at all. */
function multipart({ type, body }: Leaf): Iterable<Uint8Array> | undefined {
  const boundary = type.parameters.get('boundary') ?? ''
  if (boundary === '' || boundary.length > MAX_BOUNDARY_LENGTH) return undefined
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.length)
  // With its line end, so that a body of nothing but dashes is searched but once.
  const line = Buffer.from(`\n--${boundary}`, 'latin1')
  const first =
    bytes.indexOf(line.subarray(1)) === 0 ? delimiterAt(bytes, -1, line.length) : undefined
  const begin = first ?? nextDelimiter(bytes, line, 0)
  return begin === undefined ? undefined : between(bytes, line, begin)
}

function* between(body: Buffer, line: Buffer, first: Delimiter): Generator<Uint8Array, void> {
  let open = first
  while (!open.isLast) {
    const close = nextDelimiter(body, line, open.end - 1)
    // The line end before a delimiter belongs to it (RFC 2046 Section 5.1.1).
    yield body.subarray(open.end, Math.max(open.end, close?.begin ?? body.length))
    if (close === undefined) return
    open = close
  }
}

interface Delimiter {
  /** Of the line end before it. */
  readonly begin: number
  /** Behind its own line end. */
  readonly end: number
  readonly isLast: boolean
}

function nextDelimiter(body: Buffer, line: Buffer, from: number): Delimiter | undefined {
  for (let at = body.indexOf(line, from); at !== -1; at = body.indexOf(line, at + 1)) {
    const found = delimiterAt(body, at, line.length)
    if (found !== undefined) return found
  }
  return undefined
}

/** @param at - Of the line feed before it. */
function delimiterAt(body: Buffer, at: number, length: number): Delimiter | undefined {
  let end = at + length
  const isLast = body[end] === DASH && body[end + 1] === DASH
  if (isLast) end += 2
  while (body[end] === SPACE || body[end] === TAB) end++
  if (body[end] === CR) end++
  if (end < body.length && body[end] !== LF) return undefined
  const begin = at > 0 && body[at - 1] === CR ? at - 1 : Math.max(at, 0)
  return { begin, end: Math.min(end + 1, body.length), isLast }
}
