// SPDX-License-Identifier: Apache-2.0
/**
 * The layers, as data. The table is the architecture: change it together with `ARCHITECTURE.md`.
 *
 * @module
 */

export interface Layer {
  readonly level: number
  /** The packages of this repository that it may import, all of them on lower levels. */
  readonly mayImport: readonly string[] | 'all below'
}

const transport: Layer = { level: 3, mayImport: ['core', 'transport-kit'] }
const instrument: Layer = { level: 6, mayImport: 'all below' }

export const LAYERS: Readonly<Record<string, Layer>> = {
  core: { level: 0, mayImport: [] },
  oscore: { level: 1, mayImport: ['core'] },
  client: { level: 2, mayImport: ['core'] },
  'store-sqlite': { level: 2, mayImport: ['core'] },
  'transport-kit': { level: 2, mayImport: ['core'] },
  mqtt: transport,
  amqp: transport,
  nats: transport,
  coap: { level: 3, mayImport: ['core', 'oscore'] },
  email: transport,
  sms: transport,
  // Its unicast is CoAP (decision 38).
  udp: { level: 4, mayImport: ['core', 'transport-kit', 'coap'] },
  keeper: { level: 4, mayImport: 'all below' },
  bridge: { level: 4, mayImport: ['core'] },
  cli: { level: 5, mayImport: 'all below' },
  // Private: what tests, measures and compares the others.
  testkit: instrument,
  bench: instrument,
}

/** Packages that run wherever JavaScript does. */
export const PORTABLE: ReadonlySet<string> = new Set(['core', 'client', 'oscore'])

/** Entry points of core that are for Node alone, as `exports` names them. */
export const NODE_ENTRIES: ReadonlySet<string> = new Set(['./node', './sodium', './threads'])

/** Entry points of core that are crypto providers, or load one: only those draw randomness. */
export const PROVIDER_ENTRIES: ReadonlySet<string> = new Set([
  './node',
  './sodium',
  './pure',
  './threads',
])

/** Packages that load native code. */
export const NATIVE: ReadonlySet<string> = new Set(['sodium-native'])

/** The one file of core, apart from the providers, that may touch the platform's clock. */
export const CLOCK_FILE = 'packages/core/src/clock.ts'

/** Clock, randomness, I/O and timers of the platform: what core is given and never takes. */
export const AMBIENT_NAMES: ReadonlySet<string> = new Set([
  'Buffer',
  'EventSource',
  'WebSocket',
  'XMLHttpRequest',
  'console',
  'fetch',
  'indexedDB',
  'localStorage',
  'performance',
  'process',
  'setImmediate',
  'setInterval',
  'setTimeout',
])

/** Members that are the same in disguise, whatever they are read from. */
export const AMBIENT_MEMBERS: ReadonlySet<string> = new Set([
  'Date.now',
  'Math.random',
  'crypto.subtle',
  'getRandomValues',
  'randomUUID',
])
