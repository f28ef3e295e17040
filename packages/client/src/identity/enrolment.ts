// SPDX-License-Identifier: Apache-2.0
/**
 * Asking to be admitted to a domain (`docs/spec/07-granting.md` Section 7.9).
 *
 * @module
 */

import { assertNamePattern, signMessage, utf8, WaxwingError } from '@waxwing/core'
import { nowSeconds, type Runtime } from '../runtime.js'
import type { CardAuthor } from './own-cards.js'

/** What a new principal would like to be. */
export interface EnrolmentWish {
  /** Default: the name it was made with. */
  readonly name?: string
  readonly unit?: string
  readonly roles?: readonly string[]
  /** Patterns of stream names. */
  readonly produces?: readonly string[]
  /** A one-time secret of 16 to 64 bytes: then the enrolment has to travel in secret. */
  readonly token?: Uint8Array
}

/** How long an enrolment waits to be decided: 30 days. */
const ENROLMENT_SECONDS = 2_592_000
const MESSAGE_ID_BYTES = 16
const TOKEN_BYTES = { min: 16, max: 64 } as const
const MAX_TEXT_BYTES = 255

/**
 * Signs an enrolment by the key that it names: it shows that its author has it.
 *
 * @throws {WaxwingError} `ERR_CLOCK` if the time was never known.
 * @throws {RangeError} If a text or the token has not the right length.
 * @throws {TypeError} If one of `produces` is no pattern.
 */
export function makeEnrolment(
  runtime: Runtime,
  author: CardAuthor,
  wish: EnrolmentWish & { readonly name: string },
): Uint8Array {
  const { time, crypto } = runtime
  if (!time.known && time.confirmedMs === undefined) {
    throw new WaxwingError('ERR_CLOCK', 'set the clock: an enrolment says when it was made')
  }
  checkWish(wish)
  const { name, unit, roles = [], produces = [], token } = wish
  const issued = nowSeconds(runtime)
  const id = crypto.randomBytes(MESSAGE_ID_BYTES)
  return signMessage({
    type: 'enrol',
    envelope: { id, issued, expires: issued + ENROLMENT_SECONDS },
    body: { publicKey: author.key.publicKey, name, unit, roles, produces, token },
    author: author.id,
    key: author.key,
    recipient: null,
  })
}

/** Checks a name, unit, role or the like. @throws {RangeError} Unless it is 1 to 255 bytes long. */
export function checkShortText(what: string, text: string): void {
  const { length } = utf8(text)
  if (length >= 1 && length <= MAX_TEXT_BYTES) return
  throw new RangeError(`${what} must be 1 to ${MAX_TEXT_BYTES} bytes, got ${length}`)
}

function checkWish({ name, unit, roles = [], produces = [], token }: EnrolmentWish): void {
  for (const text of [name, unit]) if (text !== undefined) checkShortText('name or unit', text)
  for (const role of roles) checkShortText('role', role)
  for (const pattern of produces) assertNamePattern(pattern)
  if (token === undefined) return
  const { min, max } = TOKEN_BYTES
  if (token.length < min || token.length > max) {
    throw new RangeError(`token must be ${min} to ${max} bytes, got ${token.length}`)
  }
}
