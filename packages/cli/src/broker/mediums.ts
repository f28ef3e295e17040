// SPDX-License-Identifier: Apache-2.0
/**
 * The transports of mediums that are no brokers, from their URLs (`docs/spec/09-bindings.md`
 * Sections 9.9 to 9.11): mailboxes, numbers, neighbours. Each is loaded when it is wanted.
 *
 * @module
 */

import { UsageError } from '../exit-codes.js'
import { wholeNumber } from '../wishes.js'
import { mailAccount } from './mail-account.js'
import { tlsOf, type Opening } from './access.js'
import { choice, isSaid, listIn, peersIn } from './setting-values.js'
import type { Medium } from './kinds.js'
import type { BrokerUrl } from './url.js'

const CLOSE_TIMEOUT_MS = 5000
/** The system's choice of a group, in a URL that names none. */
const ANY_GROUP = /^udp:\/*$/

export const MEDIUM_OPENINGS: Readonly<Record<Medium, Opening>> = {
  mail: async (url, access) => {
    const { emailTransport } = await import('@waxwing/email')
    const { from, to, imap, smtp, folder, peers } = mailAccount(url, access)
    const { settings } = url
    const [history, rejected] = [settings.get('history'), settings.get('rejected')]
    const { store, maxPayloadBytes, maxUnacknowledged } = access
    return emailTransport({
      imap,
      smtp,
      from,
      folder,
      mailboxes: peers,
      closeTimeoutMs: CLOSE_TIMEOUT_MS,
      ...(to.length === 0 ? {} : { routes: { '#': to } }),
      ...(history === undefined ? {} : { historyFolder: history }),
      ...(rejected === undefined ? {} : { rejectedFolder: rejected }),
      ...choice(url, 'afterwards', ['flag', 'move', 'delete'] as const),
      ...(store === undefined ? {} : { store }),
      ...(maxPayloadBytes === undefined ? {} : { maxPayloadBytes }),
      ...(maxUnacknowledged === undefined ? {} : { maxUnacknowledged }),
    })
  },
  sms: async (url, access) => {
    const { smsTransport } = await import('@waxwing/sms')
    const { username, password, store } = access
    const { settings } = url
    const source = listIn(settings.get('source'))[0]
    if (source === undefined) throw new UsageError(`say the own number: ${url.address}?source=+49…`)
    const [to, rate, segments] = [
      listIn(settings.get('to')),
      settings.get('rate'),
      settings.get('segments'),
    ]
    return smsTransport({
      url: url.address,
      source,
      closeTimeoutMs: CLOSE_TIMEOUT_MS,
      numbers: peersIn(settings.get('peers')),
      carryAddresses: isSaid(url, 'addresses'),
      ...(username === undefined ? {} : { systemId: username }),
      ...(username === undefined || password === undefined ? {} : { password }),
      ...tlsOf(access),
      ...(store === undefined ? {} : { store }),
      ...(to.length === 0 ? {} : { routes: { '#': to } }),
      ...(rate === undefined ? {} : { messagesPerSecond: wholeNumber(rate, 'rate') }),
      ...(segments === undefined ? {} : { maxSegments: wholeNumber(segments, 'segments', 4) }),
      ...choice(url, 'coding', ['binary', 'text'] as const),
      ...choice(url, 'alphabet', ['gsm', 'ascii'] as const),
      ...choice(url, 'concatenation', ['16-bit', '8-bit', 'message-payload'] as const),
      ...choice(url, 'bind', ['transceiver', 'pair'] as const),
    })
  },
  lan: async (url, { store }) => {
    const { udpTransport } = await import('@waxwing/udp')
    const { settings } = url
    const [folder, hops] = [settings.get('record'), settings.get('hops')]
    const name = settings.get('interface')
    const serve = isSaid(url, 'serve')
    if (serve && folder === undefined) throw new UsageError('serve=yes needs record=FOLDER')
    return udpTransport({
      ...groupIn(url),
      closeTimeoutMs: CLOSE_TIMEOUT_MS,
      ...(name === undefined ? {} : { interface: name }),
      ...(folder === undefined ? {} : { record: { folder, serve } }),
      ...(hops === undefined ? {} : { hopLimit: wholeNumber(hops, 'hops') }),
      ...(store === undefined ? {} : { store }),
    })
  },
}

/** The group of `udp://239.255.1.2:5000`, `udp://[ff02::1%eth0]:5000` or `udp://`. */
export function groupIn({ address }: Pick<BrokerUrl, 'address'>): {
  readonly group?: string
  readonly port?: number
  readonly interface?: string
} {
  if (ANY_GROUP.test(address)) return {}
  const found = /^udp:\/\/(?:\[([^\]%]+)(?:%(?:25)?([^\]]+))?\]|([\d.]+))(?::(\d+))?\/?$/.exec(
    address,
  )
  if (found === null) {
    throw new UsageError(
      `'${address}' names no group: write udp://239.255.1.2:5000, udp://[ff02::4242%eth0] or udp://`,
    )
  }
  const [, six, zone, four, port] = found
  return {
    group: six ?? four ?? '',
    ...(zone === undefined ? {} : { interface: zone }),
    ...(port === undefined ? {} : { port: Number(port) }),
  }
}
