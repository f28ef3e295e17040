// SPDX-License-Identifier: Apache-2.0
/**
 * Delivery receipts: what the centre says has become of a segment (SMPP v3.4 Sections 5.2.12, 5.3.2.12 and
 * 5.3.2.35, and Appendix B for those that are text). Untrusted, and never a message.
 *
 * @module
 */

import type { DeliverSm } from './smpp/pdu.js'
import { peerOf } from './numbers.js'
import { ESM, TAG } from './smpp/smpp.js'

/** What became of a segment. */
export type ReceiptState =
  | 'enroute'
  | 'delivered'
  | 'expired'
  | 'deleted'
  | 'undeliverable'
  | 'accepted'
  | 'unknown'
  | 'rejected'

export interface Receipt {
  /** The centre's id of the segment, as it stands in the receipt. */
  readonly messageId: string
  readonly state: ReceiptState
  /** The number that it was sent to, as the centre says. */
  readonly number: string
  /** The address of the message, where this process sent it. */
  readonly address: string | undefined
}

/** By message_state, from 1. */
const STATES: readonly ReceiptState[] = [
  'enroute',
  'delivered',
  'expired',
  'deleted',
  'undeliverable',
  'accepted',
  'unknown',
  'rejected',
]
const STATES_IN_TEXT: Readonly<Record<string, ReceiptState>> = {
  ENROUTE: 'enroute',
  DELIVRD: 'delivered',
  EXPIRED: 'expired',
  DELETED: 'deleted',
  UNDELIV: 'undeliverable',
  ACCEPTD: 'accepted',
  UNKNOWN: 'unknown',
  REJECTD: 'rejected',
}
/** Segments whose receipt can be told; the oldest are forgotten first. */
const MAX_SENT = 10_000

/** Whether a deliver_sm is a receipt or an acknowledgement, and no message. */
export function isReceipt({ esmClass }: DeliverSm): boolean {
  return (esmClass & ESM.typeMask) !== 0
}

export class Receipts {
  readonly #sent = new Map<string, string>()
  readonly #counts = new Map<ReceiptState, number>()

  /** The centre took a segment. */
  taken(messageId: string, address: string): void {
    if (messageId === '') return
    this.#sent.set(canonicalId(messageId), address)
    if (this.#sent.size <= MAX_SENT) return
    for (const oldest of this.#sent.keys()) {
      this.#sent.delete(oldest)
      return
    }
  }

  /** Reads a receipt, and counts it. `undefined` where it says nothing that is understood. */
  read(deliver: DeliverSm): Receipt | undefined {
    const text = String.fromCharCode(...deliver.message.subarray(0, 255))
    const messageId =
      textOf(deliver.tags.get(TAG.receiptedMessageId)) ?? /\bid: ?([\w.-]{1,64})/i.exec(text)?.[1]
    const state = stateOf(deliver.tags.get(TAG.messageState)) ?? stateInText(text)
    if (messageId === undefined || state === undefined) return undefined
    this.#counts.set(state, (this.#counts.get(state) ?? 0) + 1)
    const address = this.#addressOf(messageId)
    return { messageId, state, number: peerOf(deliver.source), address }
  }

  /** How many there were of each state. */
  get counts(): Readonly<Partial<Record<ReceiptState, number>>> {
    return Object.fromEntries(this.#counts)
  }

  /** Some centres write the number in hex when they take it, and in decimal in the receipt. */
  #addressOf(messageId: string): string | undefined {
    const forms = [messageId]
    if (/^[0-9]{1,20}$/.test(messageId)) forms.push(BigInt(messageId).toString(16))
    for (const form of forms) {
      const address = this.#sent.get(canonicalId(form))
      if (address !== undefined) return address
    }
    return undefined
  }
}

function canonicalId(messageId: string): string {
  return messageId.toLowerCase().replace(/^0+(?=.)/, '')
}

function textOf(value: Uint8Array | undefined): string | undefined {
  if (value === undefined) return undefined
  const text = String.fromCharCode(...value.subarray(0, 65)).replace(/\0.*$/s, '')
  return /^[\x20-\x7e]{1,64}$/.test(text) ? text : undefined
}

function stateOf(value: Uint8Array | undefined): ReceiptState | undefined {
  return value?.length === 1 ? STATES[value[0]! - 1] : undefined
}

function stateInText(text: string): ReceiptState | undefined {
  const word = /\bstat: ?([A-Z]{1,10})/i.exec(text)?.[1]?.toUpperCase() ?? ''
  return Object.hasOwn(STATES_IN_TEXT, word) ? STATES_IN_TEXT[word] : undefined
}
