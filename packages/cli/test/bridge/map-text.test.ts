// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { mapOf } from '../../src/bridge/map-text.js'
import { UsageError } from '../../src/exit-codes.js'

const MQTT = 'mqtt://a:1883'
const AMQP = 'amqp://b:5672'
const NATS = 'nats://c:4222'

describe('a map as it is typed', () => {
  it.each([
    ['plant/# -> works/#', MQTT, MQTT, 'plant/#', 'works/#'],
    ['plant/#->works/#', MQTT, MQTT, 'plant/#', 'works/#'],
    ['plant/+/door', MQTT, AMQP, 'plant/+/door', 'plant/+/door'],
    ['plant/# -> plant.#', MQTT, AMQP, 'plant/#', 'plant/#'],
    ['plant.*.door.> -> x/+/#', NATS, MQTT, 'plant/+/door/#', 'x/+/#'],
    ['plant/1.5/# -> plant/1.5/#', MQTT, AMQP, 'plant/1.5/#', 'plant/1.5/#'],
    ['v1.2 -> v1.2', MQTT, MQTT, 'v1.2', 'v1.2'],
    ['plant.#', AMQP, AMQP, 'plant/#', 'plant/#'],
  ])('is %s from %s to %s', (text, from, to, near, far) => {
    expect(mapOf(text, { from, to })).toEqual({ from: near, to: far })
  })

  it.each(['', '->', 'a ->', '-> b', 'a -> b -> c'])('is not %j', (text) => {
    expect(() => mapOf(text, { from: MQTT, to: MQTT })).toThrow(UsageError)
  })
})
