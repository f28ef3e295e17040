// SPDX-License-Identifier: Apache-2.0
/**
 * Addresses in mails: in `Content-Location` (RFC 2557 Section 4), percent-encoded, and as file names.
 *
 * @module
 */

import { isControlAddress } from '@waxwing/core'
import { limitError } from '@waxwing/transport-kit'
import { fieldText, percentDecoded } from './mime/header-fields.js'

const MAX_ADDRESS_LENGTH = 4_096
const MAX_NAME_LENGTH = 48

/**
 * The address as a relative URI, with blanks where a long one may be folded (RFC 2557 Section 4.4.2).
 *
 * @throws {WaxwingError} `ERR_LIMIT` if it is longer than a reader takes.
 */
export function locationOf(address: string): string {
  if (address.length > MAX_ADDRESS_LENGTH) {
    throw limitError(`an address has ${address.length} characters`, 'address')
  }
  const location = address.split('/').map(encodeURIComponent).join('/')
  return location.replaceAll(/.{64}(?=.)/g, '$& ')
}

/** The address in a `Content-Location`; `undefined` where it holds none. */
export function addressIn(location: string | undefined): string | undefined {
  // Folded in between, since it is long (RFC 2557 Section 4.4.2): white space does not belong to it.
  const address = percentDecoded(fieldText((location ?? '').replaceAll(/\s/g, '')))
  const isUsable =
    address !== '' &&
    address.length <= MAX_ADDRESS_LENGTH &&
    !/[+#\0]/.test(address) &&
    address.isWellFormed()
  return isUsable ? address : undefined
}

/** A file name that tells a person which of several attachments this is. */
export function fileNameOf(address: string | undefined, index: number): string {
  const plain = (address ?? '').replaceAll(/[^\w.-]+/g, '-').replaceAll(/^[-.]+|[-.]+$/g, '')
  const stem = isControlAddress(address ?? '') ? (controlName(address) ?? plain) : plain
  const number = index === 0 ? '' : `-${index + 1}`
  return `${stem.slice(0, MAX_NAME_LENGTH) || 'object'}${number}.cose`
}

function controlName(address = ''): string | undefined {
  return /^waxwing\/v1\/(request|inbox|trust)\//.exec(address)?.[1]
}
