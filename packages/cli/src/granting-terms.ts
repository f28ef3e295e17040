// SPDX-License-Identifier: Apache-2.0
/**
 * What a grant is to give, from the options of a command.
 *
 * @module
 */

import type { Command } from 'commander'
import { epochAt, epochStartMs } from '@waxwing/core'
import type { Endpoint, GrantTerms, IncomingRequest } from '@waxwing/client'
import { UsageError } from './exit-codes.js'
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
    .option('--from <time>', 'the first moment that may be read; its whole epoch may be')
    .option('--until <time>', 'the last one, with its whole epoch; default: no end')
    .option('--lease <duration>', 'give it for so long, and renew it on request while it stands')
    .option('--share', 'give the right to grant onwards too')
}

/** @throws {UsageError} If a time or duration is none, or the end lies before the beginning. */
export function termsFrom(options: TermOptions, fallbackFrom?: Date): GrantTerms {
  const now = Date.now()
  const from = options.from === undefined ? fallbackFrom : parseTime(options.from, now)
  const until = options.until === undefined ? undefined : parseTime(options.until, now)
  if (until !== undefined && until.getTime() < (from?.getTime() ?? now)) {
    throw new UsageError(
      from === undefined
        ? '--until lies in the past, and a grant begins now: say --from too'
        : '--until lies before --from',
    )
  }
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

/** The lengths of the epochs of all generations of a stream that are held. */
export function epochLengths(endpoint: Endpoint, stream: string): readonly number[] {
  const held = endpoint.generations().filter((generation) => generation.stream === stream)
  return [...new Set(held.map(({ manifest }) => manifest.epochSeconds))]
}

/**
 * What terms give in truth: only whole epochs can be granted, so `from` goes back to the beginning of
 * its epoch, and `until` goes on to the end of its own.
 */
export function wholeEpochs(terms: GrantTerms, lengths: readonly number[]): GrantTerms {
  const { from, until } = terms
  const starts = lengths.map((seconds) => boundMs(from ?? new Date(), seconds, 0))
  const ends = until === undefined ? [] : lengths.map((seconds) => boundMs(until, seconds, 1))
  return {
    ...terms,
    ...(starts.length === 0 ? {} : { from: new Date(Math.min(...starts)) }),
    ...(ends.length === 0 ? {} : { until: new Date(Math.max(...ends)) }),
  }
}

function boundMs(time: Date, epochSeconds: number, ahead: 0 | 1): number {
  return epochStartMs(epochAt(time.getTime(), epochSeconds) + ahead, epochSeconds)
}

/** What to say where an end that is over gives something of what is still to come. */
export function futureWarning(
  asked: GrantTerms,
  given: GrantTerms,
  now: number,
): string | undefined {
  const { until } = given
  if (asked.until === undefined || until === undefined) return undefined
  if (asked.until.getTime() > now || until.getTime() <= now) return undefined
  return (
    `Only whole epochs can be granted: what is published until ${formatTime(until, 'second')} ` +
    'can be read too.'
  )
}

/** What terms give, in words. */
export function termsText({ from, until, leaseSeconds, rights }: GrantTerms): string {
  const since = from === undefined ? 'from now' : `from ${formatTime(from)}`
  const end = until === undefined ? 'on' : `until ${formatTime(until)}`
  const lease = leaseSeconds === undefined ? '' : `, for ${formatDuration(leaseSeconds)} at a time`
  return `${since} ${end}${lease}${rights === 'share' ? ', and may share it on' : ''}`
}
