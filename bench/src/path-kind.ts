// SPDX-License-Identifier: Apache-2.0
/**
 * The ways from publish to handler that are compared.
 *
 * @module
 */

import type { SignatureMode } from '@waxwing/core'
import type { CarrierName, QualityOfService } from './path-carrier.ts'

export const TOPIC = 'plant/1'

export interface PathKind {
  readonly name: string
  /** The last level of the address. */
  readonly topic: string
  /** `undefined`: the bare client library, without Waxwing. */
  readonly signature: SignatureMode | undefined
  readonly store: 'memory' | 'sqlite'
  readonly carrier: CarrierName
  /** Of the messages, all the way. */
  readonly qos: QualityOfService
}

export interface PathSetup {
  /** The broker's. */
  readonly url: string
  /** For files of stores. */
  readonly folder: string
}

type Protection = Omit<PathKind, 'qos' | 'carrier'>

const PROTECTIONS: readonly Protection[] = [
  { name: 'unsigned, memory store', topic: 'unsigned', signature: 'none', store: 'memory' },
  { name: 'signed, memory store', topic: 'signed', signature: 'each', store: 'memory' },
  { name: 'signed in batches, memory store', topic: 'batch', signature: 'batch', store: 'memory' },
  { name: 'unsigned, SQLite', topic: 'unsigned-sqlite', signature: 'none', store: 'sqlite' },
  { name: 'signed, SQLite', topic: 'signed-sqlite', signature: 'each', store: 'sqlite' },
]

const BARE: Readonly<Record<CarrierName, string>> = {
  mqtt: 'plain MQTT.js',
  amqp: 'plain amqplib',
  nats: 'plain nats.js',
}

/** The first is the bare library. With QoS 0, what differs is the transport's part alone. */
export function pathKinds(carrier: CarrierName, qos: QualityOfService): readonly PathKind[] {
  const bare: Protection = {
    name: BARE[carrier],
    topic: 'plain',
    signature: undefined,
    store: 'memory',
  }
  return [bare, ...PROTECTIONS]
    .filter(({ store }) => qos === 1 || store === 'memory')
    .map((kind) => ({ ...kind, topic: `${kind.topic}-${carrier}-${qos}`, carrier, qos }))
}
