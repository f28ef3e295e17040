// SPDX-License-Identifier: Apache-2.0
/**
 * SMS as a transport, over SMPP 3.4.
 *
 * @module
 */

export { decodeArmour, encodeArmour } from './text/armour.js'
export { smsTransport, type SmsCounts, type SmsTransport } from './sms-transport.js'
export type {
  Concatenation,
  PersonsText,
  Secret,
  SmsTlsOptions,
  SmsTransportOptions,
} from './options.js'
export type { Coding } from './numbers.js'
export type { Receipt, ReceiptState } from './receipts.js'
