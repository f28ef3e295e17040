// SPDX-License-Identifier: Apache-2.0
/**
 * A message_2 of somebody without an authentication key: whoever saw message_1 can make one, with any
 * plaintext in it.
 *
 * @module
 */

import { nodeProvider } from '@waxwing/core/node'
import { cipherSuite } from '../../src/edhoc/cipher-suites.js'
import { ephemeralKey } from '../../src/edhoc/ephemeral.js'
import { KeySchedule } from '../../src/edhoc/key-schedule.js'
import { xorKeystream2 } from '../../src/edhoc/message-cipher.js'
import { decodeMessage1, encodeMessage2 } from '../../src/edhoc/messages.js'

/** Answers a message_1 of suite 0 to 3. */
export function forgedMessage2(message1: Uint8Array, plaintext2: Uint8Array): Uint8Array {
  const { gX, suitesI } = decodeMessage1(message1)
  const schedule = new KeySchedule(nodeProvider)
  const ephemeral = ephemeralKey(nodeProvider, cipherSuite(suitesI.at(-1)!)!)
  const gY = ephemeral.publicKey
  const th2 = schedule.th2(gY, message1)
  const prk2e = schedule.prk2e(th2, ephemeral.agree(gX))
  return encodeMessage2(gY, xorKeystream2(schedule, prk2e, th2, plaintext2))
}
