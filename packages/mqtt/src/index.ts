// SPDX-License-Identifier: Apache-2.0
/**
 * MQTT 3.1.1 and 5 as a transport.
 *
 * @module
 */

export { mqttTransport, type MqttTransport } from './mqtt-transport.js'
export { mqttTransportOver, type LentClientOptions } from './lent-transport.js'
export type {
  MqttSendOptions,
  MqttTlsOptions,
  MqttTransportOptions,
  MqttWill,
  QualityOfService,
} from './options.js'
