// SPDX-License-Identifier: Apache-2.0
/**
 * What a command line says of the stream that it publishes to: it is of the stream and not of one
 * message, so a change begins with new keys.
 *
 * @module
 */

import type { Command } from 'commander'
import type { ProducerOptions } from '@waxwing/client'
import type { ContentAlgorithm } from '@waxwing/core'
import { UsageError } from './exit-codes.js'
import { parseDuration } from './times.js'
import { oneOf } from './wishes.js'

export interface StreamOptions {
  readonly epoch?: string
  readonly history?: string
  readonly signature?: string
  readonly anyReaderCanWrite?: boolean
  readonly heartbeat?: string
  readonly alg?: string
  readonly counter?: string
  readonly kidBytes?: string
  /** `false` with `--no-timestamps`. */
  readonly timestamps?: boolean
}

/** By the names that the registry of COSE gives them. */
const ALGORITHMS: Readonly<Record<string, ContentAlgorithm>> = {
  'chacha20-poly1305': 24,
  a256gcm: 3,
  a128gcm: 1,
  'aes-ccm-16-64-128': 10,
}

export function addStreamOptions(command: Command): void {
  command
    .optionsGroup('The stream (a change of these begins with new keys):')
    .option(
      '--epoch <duration>',
      'how finely time can be granted; default: as before, 1h for a new stream',
    )
    .option(
      '--history <mode>',
      'keep, or forget: keys of the past are deleted; default: as before, keep for a new stream',
    )
    .option(
      '--signature <mode>',
      'each message is signed (each), many together (batch), or none is (none); ' +
        'default: as before, each for a new stream',
    )
    .option('--any-reader-can-write', 'needed with --signature none, because it is so')
    .option('--heartbeat <duration>', 'say that often that all is well, while it runs')
    .optionsGroup('The stream, where every byte counts:')
    .option(
      '--alg <name>',
      `how it is encrypted: ${Object.keys(ALGORITHMS).join(', ')}; the last one has a tag of 8 bytes; ` +
        'default: as before, the first for a new stream',
    )
    .option(
      '--counter <mode>',
      'session, or durable: 7 to 9 bytes less a message, and never run two copies of this home; ' +
        'default: as before, session for a new stream',
    )
    .option('--kid-bytes <n>', '8, or 4: 4 bytes less a message; default: as before, 8')
    .option('--no-timestamps', 'messages do not say when they were sealed')
}

/** @throws {UsageError} If they contradict each other or are none. */
export function producerOptionsFrom(options: StreamOptions): ProducerOptions {
  const { epoch, history, heartbeat, alg, counter, kidBytes } = options
  const signature = signatureFrom(options)
  return {
    ...(epoch === undefined ? {} : { epochSeconds: parseDuration(epoch) }),
    ...(history === undefined
      ? {}
      : { history: oneOf(['keep', 'forget'] as const, history, '--history') }),
    ...(signature === undefined ? {} : { signature }),
    ...(heartbeat === undefined ? {} : { heartbeatSeconds: parseDuration(heartbeat) }),
    ...(alg === undefined ? {} : { alg: algorithmFrom(alg) }),
    ...(counter === undefined
      ? {}
      : { counterMode: oneOf(['session', 'durable'] as const, counter, '--counter') }),
    ...(kidBytes === undefined
      ? {}
      : { kidBytes: oneOf(['4', '8'] as const, kidBytes, '--kid-bytes') === '4' ? 4 : 8 }),
    ...(options.timestamps === false ? { timestamps: false } : {}),
  }
}

function signatureFrom({
  signature,
  anyReaderCanWrite,
}: StreamOptions): ProducerOptions['signature'] {
  if (signature === undefined) return undefined
  const mode = oneOf(['each', 'batch', 'none'] as const, signature, '--signature')
  if (mode === 'none' && anyReaderCanWrite !== true) {
    throw new UsageError(
      'without signatures every reader of the stream can write messages as its producer; ' +
        'if that is wanted, say --any-reader-can-write too',
    )
  }
  return mode
}

function algorithmFrom(name: string): ContentAlgorithm {
  const known = Object.keys(ALGORITHMS)
  return ALGORITHMS[oneOf(known, name, '--alg')]!
}
