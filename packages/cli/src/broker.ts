// SPDX-License-Identifier: Apache-2.0
/**
 * Reaching the broker that the settings name.
 *
 * @module
 */

import { readFileSync } from 'node:fs'
import { coapClient, coapTransport } from '@waxwing/coap'
import { type Transport, WaxwingError } from '@waxwing/core'
import { mqttTransport, type MqttTransportOptions } from '@waxwing/mqtt'
import { DEFAULT_BROKER, type Config } from './config.js'
import { messageOf, type Output } from './output.js'

const CONNECT_TIMEOUT_MS = 15_000
const CLOSE_TIMEOUT_MS = 2000

export interface BrokerOptions {
  /** Names a session that the broker keeps. Default: a fresh one, forgotten at the end. */
  readonly clientId?: string | undefined
  /** File with the password. Default: `WAXWING_MQTT_PASSWORD`. */
  readonly passwordFile?: string | undefined
}

/** What a broker speaks, by its URL. */
export function protocolOf({ broker = DEFAULT_BROKER, protocolVersion = 5 }: Config): string {
  if (isCoap(broker)) return 'CoAP'
  return protocolVersion === 5 ? 'MQTT 5' : 'MQTT 3.1.1'
}

/** Begins to connect; a broker of CoAP is asked when there is something to ask. */
export function makeTransport(config: Config, options: BrokerOptions = {}): Transport {
  const { broker = DEFAULT_BROKER, protocolVersion, username } = config
  const { clientId } = options
  if (isCoap(broker)) return coapTransport({ url: broker, closeTimeoutMs: CLOSE_TIMEOUT_MS })
  return mqttTransport({
    url: broker,
    closeTimeoutMs: CLOSE_TIMEOUT_MS,
    ...(protocolVersion === undefined ? {} : { protocolVersion }),
    ...(clientId === undefined ? {} : { clientId }),
    ...(username === undefined ? {} : { username, password: () => passwordOf(options) }),
    ...tlsOf(config),
  })
}

/**
 * Waits for the first connection.
 *
 * @throws {WaxwingError} `ERR_TRANSPORT` if it fails, or does not come in time.
 */
export async function untilConnected(transport: Transport, config: Config): Promise<void> {
  const { broker = DEFAULT_BROKER } = config
  if (isCoap(broker)) return untilAnswered(broker)
  const late = `the broker at ${broker} does not answer`
  await new Promise<void>((resolve, reject) => {
    const fail = (message: string, cause?: unknown): void => {
      done()
      reject(new WaxwingError('ERR_TRANSPORT', message, { rule: 'connect' }, { cause }))
    }
    const timer = setTimeout(() => fail(late), CONNECT_TIMEOUT_MS)
    const unlisten = transport.onStatus((status) => {
      if (status.state === 'error') fail(`${broker}: ${messageOf(status.error)}`, status.error)
      if (status.state !== 'connected') return
      done()
      resolve()
    })
    const done = (): void => {
      clearTimeout(timer)
      unlisten()
    }
  })
}

/** CoAP has no connection: who answers is there, whatever the answer. */
async function untilAnswered(broker: string): Promise<void> {
  await using client = coapClient()
  const signal = AbortSignal.timeout(CONNECT_TIMEOUT_MS)
  try {
    await client.get(`${broker.replace(/\/$/, '')}/.well-known/core?rt=core.ps`, { signal })
  } catch (cause) {
    const message = `the broker at ${broker} does not answer`
    throw new WaxwingError('ERR_TRANSPORT', message, { rule: 'connect' }, { cause })
  }
}

/** Says when the broker goes and comes back, and why it cannot be reached, each once. */
export function watchConnection(transport: Transport, config: Config, output: Output): void {
  const { broker = DEFAULT_BROKER } = config
  let lastError = ''
  let isLost = false
  transport.onStatus((status) => {
    if (status.state === 'disconnected') {
      isLost = true
      output.warn(`Lost the broker at ${broker}; trying again.`)
    } else if (status.state === 'connected') {
      if (isLost || lastError !== '') output.note(`Connected to ${broker}.`)
      isLost = false
      lastError = ''
    } else if (messageOf(status.error) !== lastError) {
      lastError = messageOf(status.error)
      output.warn(`${broker}: ${lastError}; trying again.`)
    }
  })
}

function isCoap(broker: string): boolean {
  return broker.startsWith('coap:')
}

function passwordOf({ passwordFile }: BrokerOptions): string {
  if (passwordFile !== undefined) return readFileSync(passwordFile, 'utf8').replace(/\r?\n$/, '')
  const password = process.env['WAXWING_MQTT_PASSWORD']
  if (password !== undefined) return password
  throw new WaxwingError('ERR_TRANSPORT', 'the MQTT password is missing: WAXWING_MQTT_PASSWORD')
}

function tlsOf({ ca, cert, key }: Config): Pick<MqttTransportOptions, 'tls'> {
  if (ca === undefined && cert === undefined && key === undefined) return {}
  return {
    tls: {
      ...(ca === undefined ? {} : { ca: readFileSync(ca, 'utf8') }),
      ...(cert === undefined ? {} : { cert: readFileSync(cert, 'utf8') }),
      ...(key === undefined ? {} : { key: readFileSync(key, 'utf8') }),
    },
  }
}
