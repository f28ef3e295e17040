// SPDX-License-Identifier: Apache-2.0
/**
 * What the files of messages have in common: the envelope, the ways in which an author may be wrong,
 * and broken fields (`docs/spec/07-granting.md` Section 7.2).
 *
 * @module
 */

import {
  ANCHOR,
  BUNDLE,
  bundleOf,
  DESK,
  HOUR,
  member,
  NOW,
  STRANGER,
  THIEF,
  type Member,
} from './cast.ts'
import { cbor, type Value } from './cbor.ts'
import { bytesOf, sha256, tampered } from './primitives.ts'
import {
  changed,
  idOf,
  messagePayload,
  statement,
  type EnvelopeInput,
  type Fields,
  type Statement,
} from './statements.ts'
import type { Cases, Input } from './vector-file.ts'

export const ENVELOPE = {
  id: bytesOf('message id', 16),
  issued: NOW,
  expires: NOW + HOUR,
} as const

/** One type of message by one author. */
export interface MessageKind {
  readonly type: string
  readonly author: Member
  /** Who verifies it: itself, or null where it is open to all. */
  readonly recipient: Uint8Array | null
  /** The fields of the body from key 16 on. */
  readonly body: readonly (Value | undefined)[]
}

/** The payload of a kind of message, with its author's credential. */
export function payloadOf(
  { author, body }: MessageKind,
  envelope: Partial<EnvelopeInput> = {},
): Fields {
  return messagePayload({ ...ENVELOPE, credential: author.credential, ...envelope }, body)
}

export function signed(
  { type, author, recipient }: MessageKind,
  payload: Value,
  input: Partial<Statement> = {},
): Uint8Array {
  return statement({ type, signer: author, recipient, payload, ...input })
}

/** What a reader of a message knows. */
export function common({ recipient }: MessageKind): Record<string, Input> {
  return { bundle: BUNDLE, recipient, now: NOW }
}

/** Adds a message that has to be accepted, with its envelope and its body as data. */
export function addMessage(
  cases: Cases,
  comment: string,
  kind: MessageKind,
  body: Readonly<Record<string, Input>>,
  envelope: Partial<EnvelopeInput> = {},
): void {
  const payload = payloadOf(kind, envelope)
  const message = signed(kind, payload)
  const { bundle, ...rest } = { ...ENVELOPE, credential: kind.author.credential, ...envelope }
  const reference = bundle as readonly [number, Uint8Array] | undefined
  cases.valid(comment, {
    ...common(kind),
    author: kind.author.id,
    envelope: {
      ...rest,
      bundle: reference === undefined ? undefined : { version: reference[0], digest: reference[1] },
    },
    body,
    payload: cbor(payload),
    digest: sha256(message),
    message,
  })
}

/** Adds messages with one field broken. */
export function addFields(
  cases: Cases,
  kind: MessageKind,
  changes: readonly (readonly [
    comment: string,
    field: number | string,
    value: Value | undefined,
  ])[],
): void {
  for (const [comment, field, value] of changes) {
    const message = signed(kind, changed(payloadOf(kind), [field, value]))
    cases.refused('ERR_MALFORMED', comment, { ...common(kind), message })
  }
}

/** Adds what is wrong with an author, a recipient or a time. */
export function addAuthors(cases: Cases, kind: MessageKind): void {
  const right = signed(kind, payloadOf(kind))
  const other = kind.recipient === null ? DESK.id : null
  const stranger = { ...kind, author: STRANGER }
  const refused: readonly [string, string, Uint8Array][] = [
    ['ERR_SIGNATURE', 'signature changed', tampered(right)],
    [
      'ERR_SIGNATURE',
      'signed for another recipient',
      signed(kind, payloadOf(kind), { recipient: other }),
    ],
    [
      'ERR_SIGNATURE',
      "signed by somebody else in the author's name",
      signed(kind, payloadOf(kind), { signer: THIEF, author: kind.author.id }),
    ],
    [
      'ERR_SIGNATURE',
      'signed as another type',
      signed(kind, payloadOf(kind), {
        externalAad: cbor(['waxwing control v1', 'waxwing-link+cose', kind.recipient]),
      }),
    ],
    [
      'ERR_NOT_TRUSTED',
      'without a credential',
      signed(kind, payloadOf(kind, { credential: null })),
    ],
    [
      'ERR_NOT_TRUSTED',
      "with somebody else's credential",
      signed(kind, payloadOf(kind, { credential: THIEF.credential })),
    ],
    ['ERR_NOT_TRUSTED', 'of a domain that nobody trusts', signed(stranger, payloadOf(stranger))],
  ]
  for (const [result, comment, message] of refused) {
    cases.refused(result, comment, { ...common(kind), message })
  }
  addTimes(cases, kind, right)
}

/** Adds authors who are not in good standing. A grant is judged by its chain instead. */
export function addStanding(cases: Cases, kind: MessageKind): void {
  const by = (claims: Parameters<typeof member>[2]): Uint8Array => {
    const { credential } = member(ANCHOR, kind.author.name, claims)
    return signed(kind, payloadOf(kind, { credential }))
  }
  const bundle = bundleOf(ANCHOR, { revoked: [[idOf(kind.author), NOW]] })
  const authors: readonly [string, string, Readonly<Record<string, Input>>][] = [
    ['ERR_EXPIRED', 'by an author whose credential has expired', { message: by({ expires: NOW }) }],
    [
      'ERR_NOT_YET_VALID',
      'by an author whose credential is dated in the future',
      { message: by({ issued: NOW + 301 }) },
    ],
    [
      'ERR_REVOKED',
      'by an author who was revoked',
      { bundle, message: signed(kind, payloadOf(kind)) },
    ],
  ]
  for (const [result, comment, inputs] of authors) {
    if (kind.type === 'grant') cases.valid(comment, { ...common(kind), ...inputs })
    else cases.refused(result, comment, { ...common(kind), ...inputs })
  }
}

function addTimes(cases: Cases, kind: MessageKind, message: Uint8Array): void {
  const at = (now: number): Record<string, Input> => ({ ...common(kind), now, message })
  const { issued, expires } = ENVELOPE
  cases.valid('issued five minutes from now', at(issued - 300))
  cases.refused('ERR_NOT_YET_VALID', 'issued more than five minutes from now', at(issued - 301))
  cases.valid('expired less than five minutes ago', at(expires + 299))
  cases.refused('ERR_EXPIRED', 'expired five minutes ago', at(expires + 300))
}
