// SPDX-License-Identifier: Apache-2.0
/**
 * The settings of a home: which broker, and how to speak to it. No secrets: a password comes from the
 * environment or a file, and the file with the settings can be shown to anybody.
 *
 * @module
 */

import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { WaxwingError } from '@waxwing/core'
import { checkedBroker, DEFAULT_BROKER } from './broker/url.js'
import { UsageError } from './exit-codes.js'
import { oneOf } from './wishes.js'

export interface Config {
  /** `mqtt://`, `amqp://`, `nats://`, `coap://` and their like: see `parseBroker`. */
  readonly broker?: string
  /** 5, or 4 for MQTT 3.1.1. */
  readonly protocolVersion?: 4 | 5
  readonly username?: string
  /** File of a PEM certificate authority, instead of the system's. */
  readonly ca?: string
  /** Files of the client's own certificate and key, in PEM. */
  readonly cert?: string
  readonly key?: string
  /** Whether credential and key card are published. Default: yes. */
  readonly announce?: boolean
  /** Keys that others seal grants and answers to. Default: both kinds. */
  readonly kems?: 'both' | 'x25519'
}

/** The names of the settings, and what each is. */
export const SETTINGS: Readonly<Record<keyof Config, string>> = {
  broker: `the broker's URL (default ${DEFAULT_BROKER})`,
  protocolVersion: '5 (default), or 4 for MQTT 3.1.1',
  username: 'user name at the broker; the password is in WAXWING_BROKER_PASSWORD',
  ca: 'file of the certificate authority (PEM) behind the broker',
  cert: 'file of the own certificate (PEM), where the broker asks for one',
  key: 'file of the key that belongs to it (PEM)',
  announce: 'publish credential and key card, so that others can grant unasked (default true)',
  kems:
    'both (default), or x25519: grants and answers are 1.1 kB shorter, for SMS, and a quantum ' +
    'computer could one day open recorded ones',
}

/** Reads the settings; none where there is no file. */
export function readConfig(path: string): Config {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {}
    throw error
  }
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) throw new TypeError('not an object')
    return Object.entries(value).reduce<Config>(
      (config, [name, item]) => withSetting(config, name, String(item)),
      {},
    )
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new WaxwingError('ERR_MALFORMED', `${path} cannot be read: ${why}`, {}, { cause })
  }
}

/** Writes the settings: whole or not at all. */
export function writeConfig(path: string, config: Config): void {
  const draft = `${path}.new`
  writeFileSync(draft, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600, flush: true })
  renameSync(draft, path)
}

/** One setting changed. @throws {UsageError} If the name or value is none. */
export function withSetting(config: Config, name: string, text: string): Config {
  switch (name) {
    case 'broker':
      return { ...config, broker: checkedBroker(text) }
    case 'protocolVersion':
      if (text !== '4' && text !== '5') throw new UsageError('protocolVersion is 4 or 5')
      return { ...config, protocolVersion: text === '4' ? 4 : 5 }
    case 'username':
    case 'ca':
    case 'cert':
    case 'key':
      return { ...config, [name]: text }
    case 'announce':
      if (text !== 'true' && text !== 'false') throw new UsageError('announce is true or false')
      return { ...config, announce: text === 'true' }
    case 'kems':
      return { ...config, kems: oneOf(['both', 'x25519'] as const, text, 'kems') }
    default:
      throw new UsageError(
        `there is no setting '${name}'; there are ${Object.keys(SETTINGS).join(', ')}`,
      )
  }
}
