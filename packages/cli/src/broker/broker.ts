// SPDX-License-Identifier: Apache-2.0
/**
 * Reaching the broker that the settings name, and saying how that goes.
 *
 * @module
 */

import { readFileSync } from 'node:fs'
import { coapClient } from '@waxwing/coap'
import { type Store, type Transport, WaxwingError } from '@waxwing/core'
import { messageOf, type Output } from '../output.js'
import { openBroker, type BrokerAccess } from './transports.js'
import { DEFAULT_BROKER, parseBroker, type BrokerKind } from './url.js'

const CONNECT_TIMEOUT_MS = 15_000

export interface BrokerOptions {
  /** Names a session that the broker keeps. Default: a fresh one, forgotten at the end. */
  readonly clientId?: string | undefined
  /** File with the password. Default: `WAXWING_BROKER_PASSWORD`. */
  readonly passwordFile?: string | undefined
  /** Where mediums remember what they have to. Default: in memory. */
  readonly store?: Store | undefined
}

/** What the settings say of the broker. */
export interface BrokerSettings extends Omit<
  BrokerAccess,
  'url' | 'session' | 'password' | 'smtpPassword' | 'store'
> {
  /** Its URL. */
  readonly broker?: string | undefined
}

/** What a broker speaks, by its URL. */
export function protocolOf({
  broker = DEFAULT_BROKER,
  protocolVersion = 5,
}: BrokerSettings): string {
  const { kind } = parseBroker(broker)
  if (kind === 'mqtt') return protocolVersion === 5 ? 'MQTT 5' : 'MQTT 3.1.1'
  return PROTOCOLS[kind]
}

const PROTOCOLS: Readonly<Record<Exclude<BrokerKind, 'mqtt'>, string>> = {
  coap: 'CoAP',
  amqp: 'AMQP 0-9-1',
  amqp1: 'AMQP 1.0',
  nats: 'NATS',
  mail: 'e-mail',
  sms: 'SMS',
  lan: 'UDP multicast',
}

/** Begins to connect to the broker of the settings, as {@link openBroker} does. */
export async function makeTransport(
  config: BrokerSettings,
  options: BrokerOptions = {},
): Promise<Transport> {
  return openBroker({ url: config.broker ?? DEFAULT_BROKER, ...accessOf(config, options) })
}

/** How the broker of the settings is reached, but for its URL. */
export function accessOf(
  config: BrokerSettings,
  { clientId: session, passwordFile, store }: BrokerOptions = {},
): Omit<BrokerAccess, 'url'> {
  const { protocolVersion, username, ca, cert, key } = config
  const password = (): string => readPassword(passwordFile, 'WAXWING_BROKER_PASSWORD')
  const smtpPassword = passwordIn('WAXWING_SMTP_PASSWORD')
  return { protocolVersion, session, username, password, smtpPassword, store, ca, cert, key }
}

/** What gives the password in a variable of the environment, if it is set. */
export function passwordIn(variable: string): (() => string) | undefined {
  const password = process.env[variable]
  return password === undefined ? undefined : () => password
}

/**
 * The password from a file, or from the environment.
 *
 * @throws {WaxwingError} `ERR_TRANSPORT` if there is neither.
 */
export function readPassword(file: string | undefined, variable: string): string {
  if (file !== undefined) return readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  const password = process.env[variable]
  if (password !== undefined) return password
  throw new WaxwingError('ERR_TRANSPORT', `the password at the broker is missing: ${variable}`)
}

/**
 * Waits for the first connection.
 *
 * @throws {WaxwingError} `ERR_TRANSPORT` if it fails, or does not come in time.
 */
export async function untilConnected(
  transport: Transport,
  broker: string = DEFAULT_BROKER,
): Promise<void> {
  if (kindOfBroker(broker) === 'coap') return untilAnswered(broker)
  if (isThere(broker)) return
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

/**
 * Says when the broker goes and comes back, and why it cannot be reached, each once. Returns a function that
 * ends it: what is closed on purpose is not lost.
 */
export function watchConnection(
  transport: Transport,
  output: Output,
  broker: string = DEFAULT_BROKER,
): () => void {
  let lastError = ''
  let isLost = false
  return transport.onStatus((status) => {
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

/** Whether nobody has to be reached: who is open on a network is on it. */
export function isThere(broker: string = DEFAULT_BROKER): boolean {
  return kindOfBroker(broker) === 'lan'
}

/** What a URL is of, the usual one where it is left out. */
export function kindOfBroker(broker: string = DEFAULT_BROKER): BrokerKind {
  return parseBroker(broker).kind
}
