// SPDX-License-Identifier: Apache-2.0
/**
 * Datagrams as a test reads them.
 *
 * @module
 */

import type { CoapMessage } from '@waxwing/oscore'
import { type Header, readHeader, readMessage, readToken } from '../../src/messaging/datagram.ts'

export interface Decoded {
  readonly header: Header
  readonly token: string
  readonly message: CoapMessage
}

export function decoded(datagram: Buffer): Decoded {
  const header = readHeader(datagram)!
  return { header, token: readToken(datagram, header), message: readMessage(datagram, header) }
}
