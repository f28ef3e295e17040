// SPDX-License-Identifier: Apache-2.0
/**
 * How far a block-wise transfer is (RFC 7959), as the blocks pass between a client and its protection.
 *
 * @module
 */

import { type ClientSecurity, type Handler, OPTION, readUint } from '@waxwing/coap'
import { type CoapMessage, optionValue } from '@waxwing/oscore'
import { counted, type Output } from '../output.js'

/** Fewer blocks than these are over before anybody looks. */
const LEAST_BLOCKS = 8

/** Shows the blocks that pass. Without protection they pass it all the same. */
export function showingProgress(
  output: Output,
  security: ClientSecurity | undefined,
  sendBytes: number,
): ClientSecurity {
  return {
    layer: (next) => {
      const protectedNext: Handler = security === undefined ? next : security.layer(next)
      return async (request) => {
        show(output, 'sent', blockOf(request, OPTION.block1), sendBytes)
        const response = await protectedNext(request)
        const size = optionValue(response, OPTION.size2)
        const total = size === undefined ? undefined : readUint(size)
        show(output, 'received', blockOf(response, OPTION.block2), total)
        return response
      }
    },
  }
}

interface Block {
  readonly number: number
  readonly size: number
}

function blockOf(message: CoapMessage, option: number): Block | undefined {
  const value = optionValue(message, option)
  const integer = value === undefined ? undefined : readUint(value)
  if (integer === undefined) return undefined
  return { number: Math.floor(integer / 16), size: 2 ** ((integer & 0b111) + 4) }
}

function show(
  output: Output,
  what: 'sent' | 'received',
  block: Block | undefined,
  total: number | undefined,
): void {
  if (block === undefined || block.number < LEAST_BLOCKS) return
  const bytes = (block.number + 1) * block.size
  const label = `${counted(bytes, 'byte')} ${what}`
  if (total === undefined || total === 0) output.status(label)
  else output.progress(label, Math.min(1, bytes / total))
}
