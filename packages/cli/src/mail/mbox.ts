// SPDX-License-Identifier: Apache-2.0
/**
 * Mails in files: one in a file of its own (`.eml`), or many in a mailbox file (mbox, RFC 4155).
 *
 * A mail of a mailbox file begins behind a line `From …` that follows an empty line; in front of such
 * lines in its text programs write `>`, which is taken away again. Files of any length are read, one mail
 * in memory at a time.
 *
 * @module
 */

import { createReadStream } from 'node:fs'
import { concatBytes, WaxwingError } from '@waxwing/core'

const LF = 0x0a
const SEPARATOR = Buffer.from('From ')
const QUOTED = /^>+From /
/** So much of a line is looked at. */
const LONGEST_QUOTE = 64
/** Of a line without an end. */
const LONGEST_PART = 65_536

/** The mails of a file, `-` being standard input. */
export function mailsInFile(path: string, maxBytes: number): AsyncGenerator<Uint8Array | Overlong> {
  return splitMails(path === '-' ? process.stdin : createReadStream(path), maxBytes)
}

/** A mail that is longer than mails may be. */
export class Overlong {
  readonly error: WaxwingError

  constructor(maxBytes: number) {
    const message = `a mail has more than ${maxBytes} bytes`
    this.error = new WaxwingError('ERR_LIMIT', message, { rule: 'maxMailBytes' })
  }
}

/**
 * Splits what a file holds into mails.
 *
 * @param maxBytes - Of one mail.
 */
export async function* splitMails(
  source: AsyncIterable<Uint8Array | string>,
  maxBytes: number,
): AsyncGenerator<Uint8Array | Overlong> {
  const mail = new GrowingMail(maxBytes)
  let [isFirst, isMbox, wasEmpty, isLineBegin] = [true, false, true, true]
  for await (const line of linesOf(source)) {
    const isSeparator = wasEmpty && line.subarray(0, SEPARATOR.length).equals(SEPARATOR)
    if (isFirst) isMbox = isSeparator
    if (isMbox && isSeparator) {
      if (!isFirst) yield mail.take()
    } else mail.add(isMbox && isLineBegin ? unquoted(line) : line)
    wasEmpty = isLineBegin && isEmpty(line)
    isLineBegin = line.at(-1) === LF
    isFirst = false
  }
  if (!isFirst) yield mail.take()
}

class GrowingMail {
  readonly #maxBytes: number
  #lines: Uint8Array[] = []
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  add(line: Uint8Array): void {
    this.#bytes += line.length
    if (this.#bytes <= this.#maxBytes) this.#lines.push(line)
    else this.#lines = [] // it is too long: nothing of it is kept
  }

  take(): Uint8Array | Overlong {
    const [lines, bytes] = [this.#lines, this.#bytes]
    this.#lines = []
    this.#bytes = 0
    return bytes > this.#maxBytes ? new Overlong(this.#maxBytes) : concatBytes(...lines)
  }
}

/** Lines with their ends. Long ones come in parts, of which only the last has an end. */
async function* linesOf(source: AsyncIterable<Uint8Array | string>): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0)
  for await (const chunk of source) {
    const bytes = Buffer.concat([rest, Buffer.from(chunk)])
    let begin = 0
    for (let end = bytes.indexOf(LF); end !== -1; end = bytes.indexOf(LF, begin)) {
      yield bytes.subarray(begin, end + 1)
      begin = end + 1
    }
    rest = bytes.subarray(begin)
    if (rest.length < LONGEST_PART) continue
    yield rest
    rest = Buffer.alloc(0)
  }
  if (rest.length > 0) yield rest
}

function unquoted(line: Buffer): Buffer {
  const isQuoted = QUOTED.test(line.subarray(0, LONGEST_QUOTE).toString('latin1'))
  return isQuoted ? line.subarray(1) : line
}

function isEmpty(line: Buffer): boolean {
  return /^\r?\n$/.test(line.subarray(0, 3).toString('latin1'))
}
