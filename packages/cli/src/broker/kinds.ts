// SPDX-License-Identifier: Apache-2.0
/**
 * What kinds of brokers there are, and of what else carries messages.
 *
 * @module
 */

export type BrokerKind = 'mqtt' | 'coap' | 'amqp' | 'amqp1' | 'nats' | Medium

/** What has mailboxes, numbers or neighbours instead of a broker. */
export type Medium = 'mail' | 'sms' | 'lan'

/** What the query of a URL may say, and what that means. */
export type Settings = Readonly<Record<string, string>>

export interface KindOfBroker {
  readonly schemes: readonly string[]
  /** Absent where the query belongs to the URL itself, or there is none. */
  readonly settings?: Settings
}
