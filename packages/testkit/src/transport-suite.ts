// SPDX-License-Identifier: Apache-2.0
/**
 * The contract of {@link Transport}, as tests (`docs/spec/09-bindings.md`). Every transport runs
 * this suite over the real thing and adds only what is special to it.
 *
 * @module
 */

import { describe } from 'vitest'
import { describeCarriage } from './transport-carriage-suite.js'
import { describeDelivery } from './transport-delivery-suite.js'
import { describeCredit } from './transport-credit-suite.js'
import { describeGroups } from './transport-group-suite.js'
import { describeHistory } from './transport-history-suite.js'
import { describeInterruption } from './transport-interruption-suite.js'
import { describeLifecycle } from './transport-lifecycle-suite.js'
import { describeRejection } from './transport-rejection-suite.js'
import { describeRestart } from './transport-restart-suite.js'
import type { TransportFeatures, TransportSetup } from './transport-stage.js'

export type {
  DeadLetter,
  TransportFeature,
  TransportFeatures,
  TransportFixture,
  TransportSetup,
} from './transport-stage.js'

/** The chapters of the contract. */
export type TransportPart =
  | 'carriage'
  | 'delivery'
  | 'interruption'
  | 'lifecycle'
  | 'groups'
  | 'rejection'
  | 'credit'
  | 'history'
  | 'restart'

type DescribePart = (setup: TransportSetup, features: TransportFeatures) => void

const PARTS: Readonly<Record<TransportPart, DescribePart>> = {
  carriage: describeCarriage,
  delivery: describeDelivery,
  interruption: describeInterruption,
  lifecycle: describeLifecycle,
  groups: describeGroups,
  rejection: describeRejection,
  credit: describeCredit,
  history: describeHistory,
  restart: describeRestart,
}

/**
 * Describes the whole contract.
 *
 * @param setup Runs inside each test, so it may use `onTestFinished`. The suite closes what it
 *   opened; a broker that serves many tests belongs to the caller.
 * @param features What this transport cannot do. Those tests are skipped with the reason given.
 */
export function describeTransport(
  name: string,
  setup: TransportSetup,
  features: TransportFeatures = {},
): void {
  describeTransportParts(name, Object.keys(PARTS) as TransportPart[], setup, features)
}

/** Describes some chapters: for a second configuration that is the same in all others. */
export function describeTransportParts(
  name: string,
  parts: readonly TransportPart[],
  setup: TransportSetup,
  features: TransportFeatures = {},
): void {
  describe(`${name}: the contract of a transport`, () => {
    for (const part of parts) {
      describe(`chapter ${part}`, () => {
        PARTS[part](setup, features)
      })
    }
  })
}
