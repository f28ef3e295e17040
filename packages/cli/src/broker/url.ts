// SPDX-License-Identifier: Apache-2.0
/**
 * The URL of a broker: its scheme says what is spoken, its query what else there is to say that is no
 * secret (`amqp://broker?history=waxwing.history`).
 *
 * @module
 */

import { UsageError } from '../exit-codes.js'
import type { BrokerKind, KindOfBroker, Settings } from './kinds.js'
import { MEDIUMS } from './medium-settings.js'

export type { BrokerKind } from './kinds.js'

export const DEFAULT_BROKER = 'mqtt://localhost:1883'

const OF_RABBITMQ: Settings = {
  exchange: 'NAME, where data go; default amq.topic',
  type: 'topic (default), direct, fanout or headers: what the exchange is',
  queues: 'quorum (default) or classic: queues of sessions and groups',
  dead: 'EXCHANGE, where rejected messages go; default: nowhere',
}

const KINDS: Readonly<Record<BrokerKind, KindOfBroker>> = {
  mqtt: { schemes: ['mqtt', 'mqtts', 'ws', 'wss'] },
  coap: { schemes: ['coap'] },
  amqp: {
    schemes: ['amqp', 'amqps'],
    settings: { ...OF_RABBITMQ, history: 'NAME of a stream that records data, for `history`' },
  },
  amqp1: {
    schemes: ['amqp1', 'amqp1s'],
    settings: {
      nodes: 'rabbitmq, or plain: what addresses are at this broker; must be said',
      inbox: 'dynamic: answers come to a node of the broker’s making',
      ...OF_RABBITMQ,
    },
  },
  nats: {
    schemes: ['nats', 'tls'],
    settings: {
      stream: 'NAME of the stream with data, whose subjects are addresses; default: one of our own',
      replicas: 'in how many servers streams are kept that are made here; default 1',
      delivery: 'core: without JetStream, nothing is kept',
    },
  },
  ...MEDIUMS,
}

/** What is said of each kind where somebody looks for help. */
const WORDS: Readonly<Record<BrokerKind, string>> = {
  mqtt: 'MQTT 5 or 3.1.1, with TLS or over WebSocket',
  coap: 'a broker of CoAP (publish-subscribe)',
  amqp: 'RabbitMQ and what else speaks AMQP 0-9-1',
  amqp1: 'AMQP 1.0',
  nats: 'NATS with JetStream; tls is NATS over TLS',
  mail: 'e-mail: mails://IMAPHOST/FOLDER; mail is STARTTLS instead of TLS',
  sms: 'SMS through a message centre (SMPP); smpps is SMPP over TLS',
  lan: 'the local network: udp://GROUP:PORT, or udp:// for the usual group',
}

/** The brokers that there are and the settings in their URLs, in lines. */
export function brokersText(): string {
  const kinds = Object.entries(KINDS) as [BrokerKind, KindOfBroker][]
  return kinds
    .map(([kind, { schemes, settings }]) => {
      const names = Object.keys(settings ?? {})
      const also =
        names.length === 0 ? '' : `; settings: ${names.map((name) => `?${name}=`).join(' ')}`
      return `  ${schemes.join(', ')}: ${WORDS[kind]}${also}`
    })
    .join('\n')
}

/** A URL, taken apart. */
export interface BrokerUrl {
  readonly kind: BrokerKind
  /** As it was written. */
  readonly text: string
  /** Without the settings. */
  readonly address: string
  readonly settings: ReadonlyMap<string, string>
}

/** Of an IPv6 address: `[ff02::1%eth0]`, which URLs do not have (RFC 9844 has it in programs). */
const ZONE = /%[^\]/?#]+\](?=[:/?#]|$)/

/** Takes a URL apart. @throws {UsageError} If it is none of a broker. */
export function parseBroker(text: string): BrokerUrl {
  const url = URL.parse(text.replace(ZONE, ']'))
  const entry = Object.entries(KINDS).find(([, { schemes }]) =>
    schemes.some((scheme) => url?.protocol === `${scheme}:`),
  )
  if (url === null || entry === undefined) {
    throw new UsageError(
      `'${text}' is no broker: write mqtt://HOST:1883, amqp://HOST, nats://HOST or coap://HOST ` +
        '(also mqtts, ws, wss, amqps, amqp1, amqp1s, tls; mails, mail, smpps, smpp, udp)',
    )
  }
  const [kind, { settings }] = entry as [BrokerKind, KindOfBroker]
  if (settings === undefined) return { kind, text, address: text, settings: new Map() }
  for (const [name] of url.searchParams) assertSetting(url.protocol, settings, name)
  const address = text.replace(/[?#].*$/s, '')
  return { kind, text, address, settings: new Map(url.searchParams) }
}

/** @throws {UsageError} If a URL is none of a broker, or has a password in it. */
export function checkedBroker(text: string): string {
  parseBroker(text)
  const { username, password } = new URL(text.replace(ZONE, ']'))
  if (username === '' && password === '') return text
  throw new UsageError(
    'the URL must not hold a user name or password: `waxwing config set username NAME`, ' +
      'and the password in WAXWING_BROKER_PASSWORD',
  )
}

function assertSetting(protocol: string, settings: Settings, name: string): void {
  if (Object.hasOwn(settings, name)) return
  const known = Object.entries(settings).map(([key, what]) => `  ${key}=  ${what}`)
  throw new UsageError(
    `a URL of ${protocol}// has no setting '${name}'; there are\n${known.join('\n')}`,
  )
}
