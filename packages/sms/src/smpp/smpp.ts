// SPDX-License-Identifier: Apache-2.0
/**
 * The numbers of SMPP 3.4 that this transport knows: commands, statuses, tags of optional parameters.
 * (SMPP Protocol Specification v3.4, Sections 5.1.2.1, 5.1.3 and 5.3.2.)
 *
 * @module
 */

export const COMMAND = {
  bindReceiver: 0x01,
  bindTransmitter: 0x02,
  submitSm: 0x04,
  deliverSm: 0x05,
  unbind: 0x06,
  bindTransceiver: 0x09,
  enquireLink: 0x15,
  alertNotification: 0x102,
} as const

/** Is added to the command that is answered; alone it is generic_nack. */
export const RESPONSE = 0x8000_0000

export const STATUS = {
  ok: 0x00,
  invalidCommandLength: 0x02,
  invalidCommand: 0x03,
  systemError: 0x08,
  invalidPassword: 0x0e,
  invalidSystemId: 0x0f,
  queueFull: 0x14,
  throttled: 0x58,
  /** The receiver gives it back: it is to come again. */
  temporaryReceiverError: 0x64,
  /** The receiver refuses it for good. */
  permanentReceiverError: 0x65,
} as const

export const TAG = {
  receiptedMessageId: 0x001e,
  sarReference: 0x020c,
  sarTotal: 0x020e,
  sarSegment: 0x020f,
  messagePayload: 0x0424,
  messageState: 0x0427,
} as const

/** Bits of esm_class. */
export const ESM = {
  /** The message begins with a user data header. */
  header: 0x40,
  /** Other than 0: a receipt or an acknowledgement, and no message. */
  typeMask: 0x3c,
} as const

/** 8-bit data, which nobody on the way reads as text. */
export const BINARY_CODING = 0x04

/** A status for people: its name where it is well known, and its number. */
export function statusText(status: number): string {
  const name = STATUS_NAMES[status]
  const hex = `0x${status.toString(16).padStart(2, '0')}`
  return name === undefined ? hex : `${name} (${hex})`
}

const STATUS_NAMES: Readonly<Record<number, string>> = {
  0x01: 'ESME_RINVMSGLEN',
  0x02: 'ESME_RINVCMDLEN',
  0x03: 'ESME_RINVCMDID',
  0x04: 'ESME_RINVBNDSTS',
  0x05: 'ESME_RALYBND',
  0x08: 'ESME_RSYSERR',
  0x0a: 'ESME_RINVSRCADR',
  0x0b: 'ESME_RINVDSTADR',
  0x0d: 'ESME_RBINDFAIL',
  0x0e: 'ESME_RINVPASWD',
  0x0f: 'ESME_RINVSYSID',
  0x14: 'ESME_RMSGQFUL',
  0x43: 'ESME_RINVESMCLASS',
  0x45: 'ESME_RSUBMITFAIL',
  0x58: 'ESME_RTHROTTLED',
  0x64: 'ESME_RX_T_APPN',
  0x65: 'ESME_RX_P_APPN',
  0x66: 'ESME_RX_R_APPN',
  0xff: 'ESME_RUNKNOWNERR',
}
