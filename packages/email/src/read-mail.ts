// SPDX-License-Identifier: Apache-2.0
/**
 * Mails as they arrive (`docs/spec/09-bindings.md` Section 9.9.2): all that is found of Waxwing's in a
 * mail, whatever relays, lists and people have made of it on the way, and in bounds, whoever wrote it.
 *
 * What an attachment is, its media type or its file name says; one of both survives. Forwarded mails are
 * read as well. Nothing is ever decompressed: what is in a `.zip` is not found.
 *
 * @module
 */

import { ArchiveReader, WaxwingError, type ErrorCode } from '@waxwing/core'
import { assertRanges, limitError, type OptionRanges } from '@waxwing/transport-kit'
import { decodeWords } from 'postal-mime'
import { addressIn } from './item-address.js'
import { readDeliveryStatus, type DeliveryReport } from './delivery-report.js'
import type { DamagedPart, MailContent, MailItem, MailLimits } from './letter.js'
import { mailboxIn } from './mailboxes.js'
import { fieldText, parseHeader, parseStructured, type HeaderFields } from './mime/header-fields.js'
import { splitMail, type Leaf } from './mime/parts.js'
import { decodeBody } from './mime/transfer-encoding.js'

export const MAIL_LIMITS: Required<MailLimits> = {
  maxMailBytes: 25 * 1024 * 1024,
  maxPayloadBytes: 10 * 1024 * 1024,
  maxItems: 10_000,
  maxParts: 1_000,
  maxDepth: 16,
  maxHeaderBytes: 256 * 1024,
}

export const MAIL_LIMIT_RANGES: OptionRanges = {
  maxMailBytes: [1_024, 512 * 1024 * 1024],
  maxPayloadBytes: [1, 64 * 1024 * 1024],
  maxItems: [1, 1_000_000],
  maxParts: [1, 100_000],
  maxDepth: [1, 64],
  maxHeaderBytes: [1_024, 16 * 1024 * 1024],
}

/** How many attachments of ours a mail has: whoever sees only its header knows whose it is. */
export const ITEMS_FIELD = 'Waxwing-Items'

const MAX_TEXT_LENGTH = 998
const MAX_NAME_LENGTH = 255
/** An archive is split in steps, since each byte of it may be an item. */
const ARCHIVE_STEP_BYTES = 65_536
/** How items of an archive begin that are ours (`docs/spec/09-bindings.md` Section 9.4.2). */
const [TAG_16, TAG_18] = [0xd0, 0xd2]

/** What of Waxwing's an attachment is. */
export type PartKind = 'object' | 'archive'

/** What a media type or a file name says; `undefined`: none of ours. */
export function partKind(mediaType: string, name: string | undefined): PartKind | undefined {
  const ending = /\.(cose|wax)$/i.exec((name ?? '').trim())?.[1]?.toLowerCase()
  if (mediaType === 'application/cose' || ending === 'cose') return 'object'
  return mediaType === 'application/cbor-seq' || ending === 'wax' ? 'archive' : undefined
}

/**
 * Reads a mail.
 *
 * An attachment that cannot be used is told of in `damaged`, and the others are read.
 *
 * @param mail - Its bytes (RFC 5322). Untrusted; not changed.
 * @returns What it says, in copies.
 * @throws {WaxwingError} `ERR_LIMIT` if the mail is over a limit; then nothing of it is read.
 * @throws {RangeError} If a limit is out of its range.
 */
export function readMail(mail: Uint8Array, limits: MailLimits = {}): MailContent {
  assertRanges(limits, MAIL_LIMIT_RANGES)
  const bounds = { ...MAIL_LIMITS, ...limits }
  if (mail.length > bounds.maxMailBytes) {
    throw limitError(`a mail has ${mail.length} bytes`, 'maxMailBytes')
  }
  const { header, type, leaves } = splitMail(mail, bounds)
  const found = new Findings(bounds)
  for (const leaf of leaves) found.take(leaf)
  const report = type.value === 'multipart/report' ? reportIn(leaves, found) : undefined
  return {
    ...envelopeOf(header),
    ...(report === undefined ? {} : { report }),
    items: found.items,
    damaged: found.damaged,
  }
}

/** A report on a mail of ours; `undefined` where it is on another, or on something else. */
function reportIn(leaves: readonly Leaf[], { items }: Findings): DeliveryReport | undefined {
  const status = leaves.find(({ type }) => /^message\/(global-)?delivery-status$/.test(type.value))
  if (status === undefined || (items.length === 0 && !leaves.some(isOwnHeader))) return undefined
  const encoding = status.header.get('content-transfer-encoding')
  return readDeliveryStatus(decodeBody(status.body, encoding))
}

function envelopeOf(header: HeaderFields): Omit<MailContent, 'report' | 'items' | 'damaged'> {
  const from = mailboxIn(textOf(header.get('from')))
  const replyTo = mailboxIn(textOf(header.get('reply-to'))) ?? from
  const subject = textOf(header.get('subject'))
  const messageId = header.get('message-id')?.slice(0, MAX_TEXT_LENGTH)
  const inbox = addressIn(header.get('waxwing-inbox'))
  return {
    ...(from === undefined ? {} : { from }),
    ...(replyTo === undefined ? {} : { replyTo }),
    ...(subject === undefined ? {} : { subject: decodeWords(subject) }),
    ...(messageId === undefined ? {} : { messageId }),
    ...(inbox === undefined ? {} : { inbox }),
  }
}

function textOf(field: string | undefined): string | undefined {
  return field === undefined ? undefined : fieldText(field).slice(0, MAX_TEXT_LENGTH)
}

class Findings {
  readonly items: MailItem[] = []
  readonly damaged: DamagedPart[] = []
  readonly #limits: Required<MailLimits>
  /** Items of archives that are none of ours: a mail may have as many as it has bytes. */
  #otherCount = 0

  constructor(limits: Required<MailLimits>) {
    this.#limits = limits
  }

  take(leaf: Leaf): void {
    const name = nameOf(leaf)
    const kind = partKind(leaf.type.value, name)
    if (kind === undefined) return
    const part = {
      ...(name === undefined ? {} : { name }),
      address: addressIn(leaf.header.get('content-location')),
    }
    try {
      const bytes = decodeBody(leaf.body, leaf.header.get('content-transfer-encoding'))
      if (bytes === undefined) throw unusable('ERR_MALFORMED', 'an unknown transfer encoding')
      if (kind === 'object') this.#add(bytes, part)
      else this.#split(bytes, part)
    } catch (error) {
      if (!(error instanceof WaxwingError) || error.details.rule === 'maxItems') throw error
      this.damaged.push({ ...(name === undefined ? {} : { name }), error })
    }
  }

  /** What comes before damage in an archive is good (`docs/spec/09-bindings.md` Section 9.4.1). */
  #split(bytes: Uint8Array, part: Part): void {
    const archive = new ArchiveReader({ maxItemBytes: this.#limits.maxPayloadBytes })
    const othersBefore = this.#otherCount
    for (let at = 0; at < bytes.length; at += ARCHIVE_STEP_BYTES) {
      for (const payload of archive.push(bytes.subarray(at, at + ARCHIVE_STEP_BYTES))) {
        if (payload[0] === TAG_16 || payload[0] === TAG_18) this.#add(payload, part)
        else this.#otherCount++
      }
      if (this.#otherCount > this.#limits.maxItems) throw tooManyItems()
    }
    archive.end()
    if (this.#otherCount > othersBefore)
      throw unusable('ERR_UNSUPPORTED', 'what is no object and no control message')
  }

  #add(payload: Uint8Array, { name, address }: Part): void {
    const { maxPayloadBytes, maxItems } = this.#limits
    if (payload.length > maxPayloadBytes) {
      throw limitError(`an attachment has ${payload.length} bytes`, 'maxPayloadBytes')
    }
    if (this.items.length >= maxItems) throw tooManyItems()
    this.items.push({
      payload,
      ...(address === undefined ? {} : { address }),
      ...(name === undefined ? {} : { name }),
    })
  }
}

interface Part {
  readonly name?: string
  readonly address: string | undefined
}

function nameOf({ header }: Leaf): string | undefined {
  const parameterOf = (field: string, parameter: string): string | undefined =>
    parseStructured(fieldText(header.get(field) ?? '')).parameters.get(parameter)
  const name = parameterOf('content-disposition', 'filename') ?? parameterOf('content-type', 'name')
  return name === undefined
    ? undefined
    : decodeWords(name.slice(-MAX_TEXT_LENGTH)).slice(-MAX_NAME_LENGTH)
}

/** The header of a mail of ours, which is all that a report returns of a long one. */
function isOwnHeader({ type, header, body }: Leaf): boolean {
  if (type.value !== 'text/rfc822-headers' && type.value !== 'message/rfc822-headers') return false
  const fields = decodeBody(body, header.get('content-transfer-encoding'))
  return fields !== undefined && parseHeader(fields).get(ITEMS_FIELD.toLowerCase()) !== undefined
}

function tooManyItems(): WaxwingError {
  return limitError('a mail has too many items', 'maxItems')
}

function unusable(code: ErrorCode, what: string): WaxwingError {
  return new WaxwingError(code, `an attachment of a mail has ${what}`)
}
