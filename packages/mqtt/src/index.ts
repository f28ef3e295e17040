// SPDX-License-Identifier: Apache-2.0
/**
 * MQTT 3.1.1 and 5 as a transport.
 *
 * @module
 */

export { mqttTransport, type MqttTransport } from './mqtt-transport.js'
export { mqttTransportOver, type LentClientOptions } from './lent-transport.js'
export type { MqttWill } from './last-will.js'
export type { MqttTlsOptions, MqttTransportOptions } from './options.js'
export type { MqttSendOptions, QualityOfService } from './send-options.js'
