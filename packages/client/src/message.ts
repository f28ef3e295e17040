// SPDX-License-Identifier: Apache-2.0
/**
 * What a reader hands over: a message, with the protection that was actually found on it.
 *
 * @module
 */

import { decodeClearProperties, fromUtf8 } from '@waxwing/core'

/** A message's unique name, for applications that commit exactly once. */
export interface Receipt {
  /** In hex. */
  readonly generationId: string
  /** In hex; empty in durable-counter mode. */
  readonly session: string
  readonly counter: number
}

/** One text form of a receipt. */
export function formatReceipt({ generationId, session, counter }: Receipt): string {
  return `${generationId}/${session}/${counter}`
}

export interface Protection {
  /** Who sealed it: id and name of the producer. */
  readonly signedBy: { readonly id: string; readonly name: string } | undefined
  /** `false`: any reader of the stream could have written this. */
  readonly signed: boolean
  /** Who granted the key, from the producer down; empty for one's own stream. */
  readonly grantedBy: readonly string[]
  /** How the grant was sealed; `undefined` for one's own stream, or if it came unsealed. */
  readonly kem: 'x25519' | 'x-wing' | undefined
  /** Whether replays can be told. */
  readonly replay: 'checked' | 'unverifiable' | 'repeatable'
  /** `false` if the address is not the stream's name. */
  readonly addressMatches: boolean
}

/** Which piece of a larger payload a message holds. */
export interface MessagePiece {
  /** Names the transfer, in hex: the same in all pieces of one producer's payload. */
  readonly transfer: string
  /** From 0. Where the piece begins in the payload is its index times the length of pieces. */
  readonly index: number
  /** This is the last piece. */
  readonly last: boolean
  /** Bytes of the whole payload; in the first piece, and only where the producer knew it. */
  readonly size: number | undefined
  /** Length of every piece but the last; `undefined` in the last, which need not have it. */
  readonly pieceBytes: number | undefined
}

export interface MessageInputs {
  readonly stream: string
  readonly address: string
  readonly plaintext: Uint8Array
  readonly contentType: string | undefined
  readonly headers: ReadonlyMap<string, string>
  readonly clearPart: Uint8Array | undefined
  readonly sealedAt: Date | undefined
  readonly epoch: number
  readonly receipt: Receipt
  readonly protection: Protection
  readonly properties: Readonly<Record<string, string>>
  readonly retained: boolean
  readonly redelivered: boolean
  readonly repeated: boolean
  readonly piece?: MessagePiece | undefined
  /** With a reason, it is rejected. */
  readonly acknowledge: (rejectedFor?: string) => Promise<void>
}

/** An opened and verified object, ready for the application. */
export class Message {
  readonly kind = 'message'
  /** The stream's true name, whatever the address. */
  readonly stream: string
  /** Where it arrived. Unverified. */
  readonly address: string
  readonly plaintext: Uint8Array
  readonly contentType: string | undefined
  readonly headers: ReadonlyMap<string, string>
  readonly clearPart: Uint8Array | undefined
  /** When its producer says that it was sealed. */
  readonly sealedAt: Date | undefined
  readonly epoch: number
  readonly receipt: Receipt
  readonly protection: Protection
  /** The transport's own properties. Anyone on the way may have changed them. */
  readonly unverifiedProperties: Readonly<Record<string, string>>
  readonly retained: boolean
  /** It may have been handed over before, without having been acknowledged. */
  readonly redelivered: boolean
  /** It was acknowledged before and is read again on purpose. */
  readonly repeated: boolean
  /** There if it is a piece of a larger payload: only where a reader asks for `pieces`. */
  readonly piece: MessagePiece | undefined
  readonly #acknowledge: MessageInputs['acknowledge']

  constructor(inputs: MessageInputs) {
    this.stream = inputs.stream
    this.address = inputs.address
    this.plaintext = inputs.plaintext
    this.contentType = inputs.contentType
    this.headers = inputs.headers
    this.clearPart = inputs.clearPart
    this.sealedAt = inputs.sealedAt
    this.epoch = inputs.epoch
    this.receipt = inputs.receipt
    this.protection = inputs.protection
    this.unverifiedProperties = inputs.properties
    this.retained = inputs.retained
    this.redelivered = inputs.redelivered
    this.repeated = inputs.repeated
    this.piece = inputs.piece
    this.#acknowledge = inputs.acknowledge
  }

  /**
   * What the clear part says as named texts, verified like the rest of the message; `undefined` if there
   * is none, or it has another form.
   */
  get clearProperties(): Readonly<Record<string, string>> | undefined {
    return this.clearPart && decodeClearProperties(this.clearPart)
  }

  /** The plaintext as text. @throws {TypeError} If it is not UTF-8. */
  text(): string {
    return fromUtf8(this.plaintext)
  }

  /** The plaintext as JSON. @throws {SyntaxError} If it is none. */
  json(): unknown {
    return JSON.parse(this.text())
  }

  /** Says that the message is dealt with: once this resolves it never comes again. */
  acknowledge(): Promise<void> {
    return this.#acknowledge()
  }

  /**
   * Says that nobody here can use the message: as `acknowledge`, but the transport sets it aside where it
   * has a place for such messages. Whatever was said first counts.
   *
   * @param reason - A few words, readable by anyone on the way; cut at 255 bytes.
   */
  reject(reason: string): Promise<void> {
    return this.#acknowledge(reason)
  }
}

/** A payload that is no object, passed on because the reader asked for it. Nothing protects it. */
export class UnprotectedMessage {
  readonly kind = 'unprotected'
  readonly address: string
  readonly unprotectedPayload: Uint8Array
  readonly unverifiedProperties: Readonly<Record<string, string>>
  readonly #acknowledge: MessageInputs['acknowledge']

  constructor(inputs: {
    address: string
    payload: Uint8Array
    properties: Readonly<Record<string, string>>
    acknowledge: MessageInputs['acknowledge']
  }) {
    this.address = inputs.address
    this.unprotectedPayload = inputs.payload
    this.unverifiedProperties = inputs.properties
    this.#acknowledge = inputs.acknowledge
  }

  acknowledge(): Promise<void> {
    return this.#acknowledge()
  }

  /** As `Message.reject`. */
  reject(reason: string): Promise<void> {
    return this.#acknowledge(reason)
  }
}
