// SPDX-License-Identifier: Apache-2.0
/**
 * `waxwing recover`: what the recovery principal can do when a device is lost with its disk.
 *
 * @module
 */

import { createReadStream } from 'node:fs'
import type { Command } from 'commander'
import { isOpenEnded, readArchive, toBase64Url, WaxwingError } from '@waxwing/core'
import { Domain, type Endpoint } from '@waxwing/client'
import { withContext, type Context } from '../context.js'
import { findGrantee, learnFromBroker } from '../directory.js'
import {
  epochLengths,
  futureWarning,
  termsFrom,
  termsText,
  wholeEpochs,
  withTermOptions,
  type TermOptions,
} from '../granting-terms.js'
import { counted } from '../output.js'
import { teach } from '../teaching.js'
import { formatTime } from '../times.js'
import { streamName, named } from '../wishes.js'
import { spanText } from '../wording.js'

const ARCHIVE = ['--archive <file...>', 'take grants that were recorded in archives too'] as const

interface FromArchives {
  readonly archive?: readonly string[]
}

/** What the broker keeps for the recovery principal comes within this time of the last of it. */
const QUIET_MS = 800
const PATIENCE_MS = 15_000

export function registerRecover(program: Command): void {
  const recover = program
    .command('recover')
    .description('grant what a lost device had, with the recovery principal of the domain')
  teach(
    recover
      .command('show')
      .description('list the streams that can be recovered')
      .option(...ARCHIVE)
      .action(withContext(show)),
    {
      examples: ['--home safe recover show'],
      next: '`waxwing recover grant WHO --stream STREAM`.',
    },
  )
  const grant = recover
    .command('grant')
    .description('let somebody read a stream whose producer is lost')
    .argument('<who>', 'name or id of a principal')
    .requiredOption('--stream <name>', 'the stream')
    .option(...ARCHIVE)
    .action(withContext(run))
  teach(withTermOptions(grant), {
    examples: ['--home safe recover grant desk --stream ship/7/position --from 2026-01-01'],
    next: 'the reader opens its archive, or what it kept. Lock the recovery key away again.',
  })
}

async function show(context: Context, { archive }: FromArchives): Promise<void> {
  const endpoint = await openRecovery(context, archive)
  const streams = Map.groupBy(endpoint.generations(), ({ stream }) => stream)
  for (const [stream, generations] of streams) {
    const spans = generations.flatMap(({ ring, manifest, closingEpoch }) =>
      ring.spans().map((span) => {
        const isClosed = closingEpoch !== undefined && isOpenEnded(span)
        const held = isClosed ? { first: span.first, last: closingEpoch } : span
        return spanText(held, manifest.epochSeconds)
      }),
    )
    const producer = generations.at(-1)?.producer.name ?? '?'
    const told = `${stream}  by ${producer}, ${counted(generations.length, 'generation')}`
    context.output.result({ stream, producer, generations: generations.length, spans }, told)
  }
  if (streams.size === 0) context.output.note('Nothing was shared with the recovery principal yet.')
}

async function run(
  context: Context,
  who: string,
  options: TermOptions & FromArchives & { readonly stream: string },
): Promise<void> {
  const stream = streamName(options.stream)
  const terms = termsFrom(options)
  const endpoint = await openRecovery(context, options.archive)
  const principal = await findGrantee(endpoint, named(who))
  const id = toBase64Url(principal.id)
  const issued = await endpoint.grant(stream, id, terms)
  const { name } = principal
  const given = wholeEpochs(terms, epochLengths(endpoint, stream))
  const [from, until] = [given.from?.toISOString(), given.until?.toISOString()]
  context.output.result(
    { granted: id, name, stream, from, until, grants: issued.length },
    `Granted: ${name} may read ${stream} ${termsText(given)}`,
  )
  const warning = futureWarning(terms, given, Date.now())
  if (warning !== undefined) context.output.warn(warning)
  context.output.note('Lock recovery.db and its key away again.')
}

/** Brings the recovery principal on line and lets it take what waits for it in the broker. */
async function openRecovery(context: Context, archives: readonly string[] = []): Promise<Endpoint> {
  const endpoint = await context.openEndpoint({
    part: 'listening',
    storeName: 'recovery',
  })
  await learnBundle(context, endpoint)
  let lastAt = performance.now()
  const unlisten = endpoint.on('event', () => {
    lastAt = performance.now()
  })
  await learnFromBroker(endpoint)
  const until = performance.now() + PATIENCE_MS
  while (performance.now() < Math.min(lastAt + QUIET_MS, until)) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  for (const file of archives) await takeFromArchive(endpoint, file)
  unlisten()
  return endpoint
}

/** Takes the control messages of an archive that are for us. */
async function takeFromArchive(endpoint: Endpoint, file: string): Promise<void> {
  for await (const { item } of readArchive(createReadStream(file))) {
    try {
      await endpoint.receive(item)
    } catch (error) {
      if (!(error instanceof WaxwingError)) throw error // what is for others, and what is no message
    }
  }
}

/** Where the domain's own store lies beside it, its newest bundle is at hand. */
async function learnBundle(context: Context, endpoint: Endpoint): Promise<void> {
  if (!context.home.has('domain')) return
  const domain = await Domain.open({ store: await context.openStore('domain') })
  const { trustBook } = endpoint.parts
  const ours = trustBook.trust.bundle
  if (ours !== undefined && toBase64Url(ours.domainId) === toBase64Url(domain.id)) {
    await trustBook.follow([...domain.introductions, domain.bundle], domain.id)
  }
  const expires = new Date(domain.bundleExpires * 1000)
  if (expires.getTime() < Date.now()) {
    context.output.warn(`The trust bundle expired ${formatTime(expires)}: waxwing domain renew`)
  }
}
