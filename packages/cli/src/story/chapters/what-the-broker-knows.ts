// SPDX-License-Identifier: Apache-2.0
/**
 * The last chapter: everything that the broker carried is searched for what it must not know.
 *
 * @module
 */

import { holds } from '../claims.js'
import type { Stage } from '../stage.js'

export async function whatTheBrokerKnows(stage: Stage): Promise<void> {
  const { screen, broker, readings, thermometer } = stage
  await screen.chapter(
    '6. What the broker knows in the end',
    'It carried everything: readings, requests, grants, denials. It saw topics, sizes, times, and' +
      ' who asked whom. Was that all?',
  )
  const keys = thermometer.endpoint
    .generations()
    .flatMap(({ ring }) => ring.serialize().map(([, , , key]) => key))
  const texts = readings.map(({ text }) => Buffer.from(text))
  const secrets = [...texts, ...keys.map((key) => Buffer.from(key))]
  const carried = broker.carried.map(({ payload }) => Buffer.from(payload))
  const byteCount = carried.reduce((sum, { length }) => sum + length, 0)
  const leaks = carried.filter((payload) => secrets.some((secret) => payload.includes(secret)))
  const claim =
    `${carried.length} messages, ${byteCount.toLocaleString('en')} bytes: not one of the` +
    ` ${readings.length} readings is to be found in them, and none of the keys.`
  holds(claim, keys.length > 0 && leaks.length === 0, `${leaks.length} of them leak`)
  await screen.checked(claim)
}
