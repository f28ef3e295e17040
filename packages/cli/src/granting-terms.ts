// SPDX-License-Identifier: Apache-2.0
/**
 * What a grant is to give, from the options of a command.
 *
 * @module
 */

import type { Command } from 'commander'
import { epochStartMs } from '@waxwing/core'
import type { GrantTerms, IncomingRequest } from '@waxwing/client'
import { formatDuration, formatTime, parseDuration, parseTime } from './times.js'

export interface TermOptions {
  readonly from?: string
  readonly until?: string
  readonly lease?: string
  readonly share?: boolean
}

/** Adds the options that say what a grant gives. */
export function withTermOptions(command: Command): Command {
  return command
    .option('--from <time>', 'the first moment that may be read')
    .option('--until <time>', 'the last moment that may be read; default: no end')
    .option('--lease <duration>', 'give it for so long, and renew it on request while it stands')
    .option('--share', 'give the right to grant onwards too')
}

/** @throws {UsageError} If a time or duration is none. */
export function termsFrom(options: TermOptions, fallbackFrom?: Date): GrantTerms {
  const now = Date.now()
  const from = options.from === undefined ? fallbackFrom : parseTime(options.from, now)
  const until = options.until === undefined ? undefined : parseTime(options.until, now)
  return {
    from: from ?? new Date(now),
    ...(until === undefined ? {} : { until }),
    ...(options.lease === undefined ? {} : { leaseSeconds: parseDuration(options.lease) }),
    rights: options.share === true ? 'share' : 'read',
  }
}

/** Since when a request asks, at the earliest. */
export function askedFrom(
  requests: readonly IncomingRequest[],
  epochSeconds: (stream: string) => number | undefined,
): Date | undefined {
  const starts = requests.flatMap(({ stream, spans }) => {
    const seconds = epochSeconds(stream)
    return seconds === undefined ? [] : spans.map(({ first }) => epochStartMs(first, seconds))
  })
  return starts.length === 0 ? undefined : new Date(Math.min(...starts))
}

/** The same terms as the client keeps them: seconds since 1970. */
export function fixedTerms({ from, until, leaseSeconds, rights }: GrantTerms): {
  from: number
  until: number | null
  leaseSeconds: number | null
  rights: 'read' | 'share'
  depth: null
} {
  return {
    from: Math.floor((from?.getTime() ?? Date.now()) / 1000),
    until: until === undefined ? null : Math.floor(until.getTime() / 1000),
    leaseSeconds: leaseSeconds ?? null,
    rights: rights ?? 'read',
    depth: null,
  }
}

/** What terms give, in words. */
export function termsText({ from, until, leaseSeconds, rights }: GrantTerms): string {
  const since = from === undefined ? 'from now' : `from ${formatTime(from)}`
  const end = until === undefined ? 'on' : `until ${formatTime(until)}`
  const lease = leaseSeconds === undefined ? '' : `, for ${formatDuration(leaseSeconds)} at a time`
  return `${since} ${end}${lease}${rights === 'share' ? ', and may share it on' : ''}`
}
