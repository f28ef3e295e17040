// SPDX-License-Identifier: Apache-2.0
/**
 * What tests of applications need: a broker in memory with an adversary inside, a clock that stands
 * still, and a store that can be copied, put back and broken. Nothing here is for production,
 * except `memoryStore`, which the main entry point has as well.
 *
 * @module
 */

export * from './memory-store.js'
export type { Timers } from './timers.js'
export * from './testing/fixed-clock.js'
export * from './testing/faulty-store.js'
export * from './testing/seeded-random.js'
export { memoryBroker } from './testing/memory-broker.js'
export type {
  InjectOptions,
  MemoryBroker,
  MemoryBrokerOptions,
  Rejected,
} from './testing/memory-broker.js'
export * from './testing/memory-transport.js'
export type { Carried, Fault, Faults, RandomFaults, Rule } from './testing/faults.js'
