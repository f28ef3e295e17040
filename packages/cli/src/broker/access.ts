// SPDX-License-Identifier: Apache-2.0
/**
 * How one broker is reached: what the settings say beside its URL, as transports take it.
 *
 * @module
 */

import { readFileSync } from 'node:fs'
import type { Store, Transport } from '@waxwing/core'
import type { BrokerUrl } from './url.js'

/** So long the end of a command waits for a broker. */
export const CLOSE_TIMEOUT_MS = 2000

/** How one broker is reached. */
export interface BrokerAccess {
  /** Its scheme says which transport it is. */
  readonly url: string
  readonly protocolVersion?: 4 | 5 | undefined
  /** Names what the broker keeps for this client while it is away. Default: nothing is kept. */
  readonly session?: string | undefined
  readonly username?: string | undefined
  /** Asked for at each connection, where there is a user name. */
  readonly password?: () => string
  /** The same at a second server, for what is sent. Default: the first one's. */
  readonly smtpPassword?: (() => string) | undefined
  /** Data messages that may be unacknowledged at once. Default: the transport's. */
  readonly maxUnacknowledged?: number | undefined
  /** The longest payload that is taken and sent. Default: the transport's. */
  readonly maxPayloadBytes?: number | undefined
  /** Files, in PEM. */
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
  /**
   * Where mediums remember who is reached where, and what has not come whole. Its owner closes it. Left
   * out: in memory.
   */
  readonly store?: Store | undefined
}

export type Opening = (url: BrokerUrl, access: BrokerAccess) => Transport | Promise<Transport>

/** What all transports with connections call the same. */
export interface Shared {
  readonly closeTimeoutMs: number
  readonly maxUnacknowledged?: number
  readonly maxPayloadBytes?: number
  readonly username?: string
  readonly password?: () => string
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string }
}

/** Picks it from what is said of a broker. */
export function shared(access: BrokerAccess): Shared {
  const { username, password, maxUnacknowledged, maxPayloadBytes, ...files } = access
  return {
    closeTimeoutMs: CLOSE_TIMEOUT_MS,
    ...(maxPayloadBytes === undefined ? {} : { maxPayloadBytes }),
    ...(maxUnacknowledged === undefined ? {} : { maxUnacknowledged }),
    ...(username === undefined ? {} : { username }),
    ...(username === undefined || password === undefined ? {} : { password }),
    ...tlsOf(files),
  }
}

/** What the broker keeps for this client has its name. */
export function named({ session }: BrokerAccess): { readonly name?: string } {
  return session === undefined ? {} : { name: session }
}

/** Read from the files that are named. */
export function tlsOf({
  ca,
  cert,
  key,
}: Pick<BrokerAccess, 'ca' | 'cert' | 'key'>): Pick<Shared, 'tls'> {
  if (ca === undefined && cert === undefined && key === undefined) return {}
  return {
    tls: {
      ...(ca === undefined ? {} : { ca: readFileSync(ca, 'utf8') }),
      ...(cert === undefined ? {} : { cert: readFileSync(cert, 'utf8') }),
      ...(key === undefined ? {} : { key: readFileSync(key, 'utf8') }),
    },
  }
}
