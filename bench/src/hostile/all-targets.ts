// SPDX-License-Identifier: Apache-2.0
import { byteTargets } from './byte-targets.ts'
import { coapTargets } from './coap-targets.ts'
import { statementTargets } from './statement-targets.ts'
import type { Target } from './target.ts'
import { verifyingTargets } from './verifying-targets.ts'

/** Everything in core, and what decodes in oscore and coap, that reads bytes which anybody may have made. */
export function allTargets(): readonly Target[] {
  const verifying = verifyingTargets().map((target) => ({ ...target, verifies: true }))
  return [...byteTargets(), ...statementTargets(), ...coapTargets(), ...verifying]
}
