// SPDX-License-Identifier: Apache-2.0
/**
 * Principals and domains for tests: each on a store in memory, with a clock that a test moves.
 *
 * @module
 */

import type { Store } from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import { fixedClock, manualTimers, memoryStore, type FixedClock } from '@waxwing/client/testing'
import { Domain } from '../../src/domain/domain.js'
import type { AdmissionTerms } from '../../src/domain/admitting.js'
import { OwnIdentity, type OwnIdentityOptions } from '../../src/identity/own-identity.js'
import { TrustBook } from '../../src/identity/trust-book.js'
import type { Runtime } from '../../src/runtime.js'
import { TimeKeeper } from '../../src/time-keeper.js'

export const crypto = sodiumProvider
/** The moment at which tests begin: in milliseconds, and in seconds. */
export const START_MS: number = Date.UTC(2027, 0, 15)
export const START: number = START_MS / 1000
export const DAY = 86_400
export const DAY_MS = 86_400_000

export interface TestRuntime extends Runtime {
  readonly clock: FixedClock
  /** What was reported. */
  readonly errors: unknown[]
}

export function runtimeOn(
  store: Store = memoryStore(),
  clock: FixedClock = fixedClock(START_MS),
): TestRuntime {
  const errors: unknown[] = []
  return {
    crypto,
    store,
    clock,
    errors,
    time: new TimeKeeper({ clock }),
    timers: manualTimers(clock),
    emit: () => undefined,
    report: (error) => errors.push(error),
  }
}

export interface Principal {
  readonly runtime: TestRuntime
  readonly identity: OwnIdentity
  readonly trustBook: TrustBook
}

/** Opens an identity with its trust book. */
export async function openPrincipal(
  runtime: TestRuntime = runtimeOn(),
  options: OwnIdentityOptions = {},
): Promise<Principal> {
  const trustBook = await TrustBook.open(runtime)
  return { runtime, trustBook, identity: await OwnIdentity.open(runtime, options) }
}

/** Opens a principal on the domain's clock and has the domain admit it. */
export async function admitted(
  domain: Domain,
  clock: FixedClock,
  terms: AdmissionTerms = {},
): Promise<Principal> {
  const { name = 'member' } = terms
  const principal = await openPrincipal(runtimeOn(memoryStore(), clock), { name })
  const { identity, trustBook } = principal
  const admission = await domain.admit(await identity.enrolment(), terms)
  await identity.admit(admission, trustBook, { domainId: domain.id })
  return principal
}

/** A domain without recovery principal. */
export function newDomain(clock: FixedClock, store: Store = memoryStore()): Promise<Domain> {
  return Domain.create({ store, crypto, clock, name: 'works', recovery: false })
}

/**
 * One store as several processes see it: each handle is told of what the others write, when the
 * event loop comes to it.
 */
export function handlesOf(store: Store, count: number): readonly Store[] {
  const listeners = new Map<number, Set<() => void>>()
  return Array.from({ length: count }, (_, handle) => {
    const own = new Set<() => void>()
    listeners.set(handle, own)
    return {
      get: (table, key) => store.get(table, key),
      scan: (table, query) => store.scan(table, query),
      async write(changes) {
        const written = await store.write(changes)
        for (const [other, set] of listeners) {
          if (written && other !== handle) for (const listener of set) queueMicrotask(listener)
        }
        return written
      },
      onForeignChange(listener) {
        own.add(listener)
        return () => void own.delete(listener)
      },
      close: () => Promise.resolve(),
    } satisfies Store
  })
}

/** Lets everything that was begun finish. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}
