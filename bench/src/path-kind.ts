// SPDX-License-Identifier: Apache-2.0
/**
 * The ways from publish to handler that are compared.
 *
 * @module
 */

import type { SignatureMode } from '@waxwing/core'

export const TOPIC = 'plant/1'

export interface PathKind {
  readonly name: string
  /** The last level of the topic. */
  readonly topic: string
  /** `undefined`: plain MQTT.js, without Waxwing. */
  readonly signature: SignatureMode | undefined
  readonly store: 'memory' | 'sqlite'
  /** Of the messages, all the way. */
  readonly qos: 0 | 1
}

export interface PathSetup {
  /** The broker's. */
  readonly url: string
  /** For files of stores. */
  readonly folder: string
}

const QOS_1: readonly Omit<PathKind, 'qos'>[] = [
  { name: 'plain MQTT.js', topic: 'plain', signature: undefined, store: 'memory' },
  { name: 'unsigned, memory store', topic: 'unsigned', signature: 'none', store: 'memory' },
  { name: 'signed, memory store', topic: 'signed', signature: 'each', store: 'memory' },
  { name: 'signed in batches, memory store', topic: 'batch', signature: 'batch', store: 'memory' },
  { name: 'unsigned, SQLite', topic: 'unsigned-sqlite', signature: 'none', store: 'sqlite' },
  { name: 'signed, SQLite', topic: 'signed-sqlite', signature: 'each', store: 'sqlite' },
]

/** With QoS 0, what differs is the transport's part alone. */
const QOS_0 = QOS_1.filter(({ store }) => store === 'memory')

/** The first is plain MQTT.js. */
export function pathKinds(qos: PathKind['qos']): readonly PathKind[] {
  if (qos === 1) return QOS_1.map((kind) => ({ ...kind, qos }))
  return QOS_0.map((kind) => ({ ...kind, topic: `${kind.topic}-0`, qos }))
}
