// SPDX-License-Identifier: Apache-2.0
/**
 * Mailboxes: `local@domain` (RFC 5321 Section 4.1.2, RFC 6531), as options, letters and mails have them.
 *
 * @module
 */

import { addressParser } from 'postal-mime'

const MAX_LENGTH = 320 // 64 + 1 + 255, RFC 5321 Section 4.5.3.1
/** What `From` may be long before it is looked at. */
const MAX_FIELD_LENGTH = 8_192
/** No white space, no brackets, nothing that a line or a list of SMTP would be ended by. */
const MAILBOX = /^[^\s<>()[\]\\,;:"@\p{Cc}]{1,64}@[^\s<>()[\]\\,;:"@\p{Cc}]{1,255}$/u

/** Tells whether a text is a mailbox that can be written to. */
function isMailbox(text: string): boolean {
  return text.length <= MAX_LENGTH && MAILBOX.test(text)
}

/** @throws {TypeError} Naming the option. */
export function assertMailbox(text: string, option: string): void {
  if (typeof text !== 'string' || !isMailbox(text)) {
    throw new TypeError(`${option} must be a mailbox such as name@example.org, is ${text}`)
  }
}

export function domainOf(mailbox: string): string {
  return mailbox.slice(mailbox.lastIndexOf('@') + 1)
}

/** The first mailbox of a field such as `From`; `undefined` where there is none. Untrusted. */
export function mailboxIn(field: string | undefined): string | undefined {
  if (field === undefined || field.length > MAX_FIELD_LENGTH) return undefined
  const [first] = addressParser(field, { flatten: true })
  const address = first?.address ?? ''
  return isMailbox(address) ? address : undefined
}
