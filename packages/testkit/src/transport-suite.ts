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
import { describeInterruption } from './transport-interruption-suite.js'
import { describeLifecycle } from './transport-lifecycle-suite.js'
import type { TransportFeatures, TransportSetup } from './transport-stage.js'

export type {
  TransportFeature,
  TransportFeatures,
  TransportFixture,
  TransportSetup,
} from './transport-stage.js'

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
  describe(`${name}: the contract of a transport`, () => {
    describe('carriage', () => {
      describeCarriage(setup, features)
    })
    describe('delivery', () => {
      describeDelivery(setup, features)
    })
    describe('interruption', () => {
      describeInterruption(setup, features)
    })
    describe('lifecycle', () => {
      describeLifecycle(setup, features)
    })
  })
}
