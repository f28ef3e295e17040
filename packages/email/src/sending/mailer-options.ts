// SPDX-License-Identifier: Apache-2.0
/**
 * The options of whatever sends mails: their defaults and their checks.
 *
 * @module
 */

import {
  assertRanges,
  CONNECTION_DEFAULTS,
  CONNECTION_RANGES,
  inboxOf,
  type ConnectionOptions,
  type OptionRanges,
} from '@waxwing/transport-kit'
import { assertMailbox } from '../mailboxes.js'
import { resolveServer, type MailServerOptions } from '../server-options.js'
import type { MailQueueTerms } from './mail-queue.js'

export interface MailerOptions {
  readonly smtp: MailServerOptions
  /** The sender's mailbox: `name@example.org`. */
  readonly from: string
  /**
   * The sender's inbox address (`inboxAddress(principal)`): every mail says that answers for it are read
   * in the mailbox `from`.
   */
  readonly inbox?: string
  /** The largest payload, and the largest archive. Default 10 MiB; servers have limits of their own. */
  readonly maxPayloadBytes?: number
  /** Connections at once, 1 to 16. Default 2. */
  readonly maxConnections?: number
  /** How long the SMTP server may take to answer. Default 300,000: ten minutes is what some take. */
  readonly answerTimeoutMs?: number
}

export const MAX_PAYLOAD_BYTES: number = 10 * 1024 * 1024

const MAILER_RANGES: OptionRanges = {
  ...CONNECTION_RANGES,
  maxPayloadBytes: [1, 64 * 1024 * 1024],
  maxConnections: [1, 16],
  answerTimeoutMs: [1_000, 3_600_000],
}

export interface ResolvedMailer {
  readonly queue: Omit<MailQueueTerms, 'report'>
  readonly from: string
  readonly inbox: string | undefined
  readonly maxPayloadBytes: number
}

/** @throws {TypeError | RangeError} Naming the option that is wrong. */
export function resolveMailer(options: MailerOptions & ConnectionOptions): ResolvedMailer {
  assertRanges(options, MAILER_RANGES)
  assertMailbox(options.from, 'from')
  const { inbox } = options
  if (inbox !== undefined && inboxOf(inbox) !== inbox) {
    throw new TypeError(`inbox must be the address of an inbox, is ${inbox}`)
  }
  const defaults = CONNECTION_DEFAULTS
  return {
    queue: {
      server: resolveServer(options.smtp, 'smtp'),
      connectTimeoutMs: options.connectTimeoutMs ?? defaults.connectTimeoutMs,
      answerTimeoutMs: options.answerTimeoutMs ?? 300_000,
      maxWaitingSends: options.maxWaitingSends ?? defaults.maxWaitingSends,
      maxWaitingBytes: options.maxWaitingBytes ?? defaults.maxWaitingBytes,
      maxInFlight: options.maxInFlight ?? defaults.maxInFlight,
      reconnectMinMs: options.reconnectMinMs ?? defaults.reconnectMinMs,
      reconnectMaxMs: options.reconnectMaxMs ?? defaults.reconnectMaxMs,
      closeTimeoutMs: options.closeTimeoutMs ?? defaults.closeTimeoutMs,
      maxConnections: options.maxConnections ?? 2,
    },
    from: options.from,
    inbox,
    maxPayloadBytes: options.maxPayloadBytes ?? MAX_PAYLOAD_BYTES,
  }
}
