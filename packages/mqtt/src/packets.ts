// SPDX-License-Identifier: Apache-2.0
/**
 * The few places where the transport looks at MQTT packets itself: acknowledgements (MQTT 5.0
 * Sections 3.4 and 3.5), and the properties of PUBLISH (Section 3.3.2.3).
 *
 * @module
 */

import type { IClientPublishOptions, IPublishPacket } from 'mqtt'
import { utf8, type Received } from '@waxwing/core'
import { qualityFor, type MqttSendOptions, type QualityOfService } from './send-options.js'

const NO_PROPERTIES: Readonly<Record<string, string>> = Object.freeze({})

/** Calls bytes what MQTT.js calls them. It needs nothing of `Buffer`, which browsers lack. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return bytes as Buffer
}

/** Copies a payload for MQTT.js, which copies it once more: a `Buffer` fastest, where there is one. */
export function copyForSending(bytes: Uint8Array): Uint8Array {
  return typeof Buffer === 'undefined' ? bytes.slice() : Buffer.from(bytes)
}

/**
 * The PUBACK (QoS 1) or PUBREC (QoS 2) of a message: the same four bytes in both versions of the
 * protocol. Written by ourselves, because MQTT.js sends it before anyone has handled the message.
 */
export function acknowledgementOf({ qos, messageId = 0 }: IPublishPacket): Uint8Array {
  return Uint8Array.of(qos === 1 ? 0x40 : 0x50, 2, messageId >> 8, messageId & 0xff)
}

/** What a handler gets to see of a PUBLISH; the payload is a copy that it owns. */
export function receivedFrom(
  packet: IPublishPacket,
  redelivered: boolean,
  settling: Pick<Received, 'acknowledge' | 'isLost'>,
): Received {
  const { topic, payload, retain } = packet
  return {
    address: topic,
    payload: typeof payload === 'string' ? utf8(payload) : new Uint8Array(payload),
    properties: propertiesOf(packet),
    retained: retain,
    redelivered,
    ...settling,
  }
}

/** User properties, and the content type as `content-type`. A repeated name is joined by `, `. */
function propertiesOf({ properties }: IPublishPacket): Readonly<Record<string, string>> {
  if (!properties?.userProperties && properties?.contentType === undefined) return NO_PROPERTIES
  const found = new Map<string, string>()
  for (const [name, value] of Object.entries(properties.userProperties ?? {})) {
    found.set(name, typeof value === 'string' ? value : value.join(', '))
  }
  if (properties.contentType !== undefined) found.set('content-type', properties.contentType)
  return Object.fromEntries(found)
}

/** The subscriptions that the broker says a message is for; `undefined` where it does not say. */
export function identifiersOf({ properties }: IPublishPacket): readonly number[] | undefined {
  const identifiers = properties?.subscriptionIdentifier
  return typeof identifiers === 'number' ? [identifiers] : identifiers
}

/** What MQTT.js needs to know of a send, for either version of the protocol. */
export function publishOptions(
  address: string,
  options: MqttSendOptions,
  defaults: { readonly qos: QualityOfService; readonly protocolVersion: number },
): IClientPublishOptions & { readonly qos: QualityOfService } {
  const qos = qualityFor(address, options.qos ?? defaults.qos)
  const common = { qos, retain: options.retained ?? false }
  if (defaults.protocolVersion !== 5) return common
  const { 'content-type': contentType, ...userProperties } = options.properties ?? {}
  const properties: NonNullable<IPublishPacket['properties']> = {
    ...(contentType === undefined ? {} : { contentType }),
    ...(Object.keys(userProperties).length === 0 ? {} : { userProperties }),
    ...(options.expiresAfterSeconds === undefined
      ? {}
      : { messageExpiryInterval: options.expiresAfterSeconds }),
  }
  return { ...common, properties }
}
