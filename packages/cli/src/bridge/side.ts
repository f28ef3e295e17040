// SPDX-License-Identifier: Apache-2.0
/**
 * One side of a bridge, as the command line names it: a broker or an archive.
 *
 * A bridge has no identity and no home, so its sides come from options alone, and each has credentials
 * of its own.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import type { Command } from 'commander'
import type { Store, Transport } from '@waxwing/core'
import { passwordIn, readPassword } from '../broker/broker.js'
import { openBroker, type BrokerAccess } from '../broker/transports.js'
import { checkedBroker } from '../broker/url.js'
import { UsageError } from '../exit-codes.js'

export type SideName = 'from' | 'to'

/** What is said of one side. */
export interface SideOptions {
  /** A URL, or the file of an archive. */
  readonly place: string
  readonly username?: string | undefined
  readonly passwordFile?: string | undefined
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
  readonly protocolVersion?: string | undefined
}

/** What is said of both sides. */
export interface SideTerms {
  /** Names what brokers keep meanwhile. */
  readonly session: string
  readonly maxBytes?: number | undefined
  /** Where a medium remembers what it has to. Its owner closes it. */
  readonly store?: Store | undefined
}

/** What a bridge may have taken and not passed on, for each side. */
const MAX_UNACKNOWLEDGED = 256
/** Longer messages are not carried: each of those above may be as long as this. */
const MAX_BYTES = 2 * 1024 * 1024

/** Adds the options of a side: `--from-username` and so on. */
export function addSideOptions(command: Command, name: SideName): Command {
  const which = name === 'from' ? 'the first' : 'the second'
  return command
    .option(`--${name}-username <name>`, `user name at ${which} broker`)
    .option(
      `--${name}-password-file <file>`,
      `read its password from a file (default: WAXWING_${name.toUpperCase()}_PASSWORD)`,
    )
    .option(`--${name}-ca <file>`, 'file of the certificate authority (PEM) behind it')
    .option(`--${name}-cert <file>`, 'file of the own certificate (PEM), where it asks for one')
    .option(`--${name}-key <file>`, 'file of the key that belongs to it (PEM)')
    .option(`--${name}-protocol-version <n>`, '5 (default), or 4 for MQTT 3.1.1')
}

/** Picks the options of one side from those of the command. */
export function sideOptions(
  name: SideName,
  options: Readonly<Record<string, unknown>>,
): SideOptions {
  const text = (key: string): string | undefined => {
    const value = options[`${name}${key}`]
    return typeof value === 'string' ? value : undefined
  }
  return {
    place: text('') ?? '',
    username: text('Username'),
    passwordFile: text('PasswordFile'),
    ca: text('Ca'),
    cert: text('Cert'),
    key: text('Key'),
    protocolVersion: text('ProtocolVersion'),
  }
}

/** Whether a side is a file. */
export function isArchive({ place }: SideOptions): boolean {
  return place.endsWith('.wax')
}

/**
 * Begins to connect to a side.
 *
 * @throws {UsageError} If its options are wrong.
 * @throws {WaxwingError} `ERR_TRANSPORT` if the password is missing.
 */
export async function openSide(
  name: SideName,
  options: SideOptions,
  { session, maxBytes = MAX_BYTES, store }: SideTerms,
): Promise<Transport> {
  const { place, username, passwordFile, ca, cert, key } = options
  const variable = `WAXWING_${name.toUpperCase()}_PASSWORD`
  if (URL.parse(place)?.username) {
    throw new UsageError(`no user name in the URL: --${name}-username NAME, and ${variable}`)
  }
  const password = (): string => readPassword(passwordFile, variable)
  if (username !== undefined) password() // else it would be missing at every attempt
  return openBroker({
    url: checkedBroker(place),
    protocolVersion: versionOf(name, options),
    session: `${session}-${name}`,
    username,
    password,
    ca,
    cert,
    key,
    maxUnacknowledged: MAX_UNACKNOWLEDGED,
    maxPayloadBytes: maxBytes,
    smtpPassword: passwordIn(`WAXWING_${name.toUpperCase()}_SMTP_PASSWORD`),
    store,
  })
}

/**
 * The name under which brokers keep what comes while the bridge is away: the same for the same bridge. One
 * with other maps is another one, since brokers go on keeping what the old ones asked for.
 */
export function defaultName(parts: readonly string[]): string {
  const digest = createHash('sha256').update(JSON.stringify(parts)).digest('hex')
  return `waxwing-bridge-${digest.slice(0, 16)}`
}

function versionOf(name: SideName, options: SideOptions): BrokerAccess['protocolVersion'] {
  const { protocolVersion: text } = options
  if (text === undefined) return undefined
  if (text !== '4' && text !== '5') throw new UsageError(`--${name}-protocol-version is 4 or 5`)
  return text === '4' ? 4 : 5
}
