// SPDX-License-Identifier: Apache-2.0
/**
 * `waxwing revoke` and `waxwing rotate`: taking the future back.
 *
 * @module
 */

import type { Command } from 'commander'
import { toBase64Url, WaxwingError } from '@waxwing/core'
import type { Endpoint } from '@waxwing/client'
import { withContext, type Context } from '../context.js'
import { counted } from '../output.js'
import { teach } from '../teaching.js'
import { streamName, named } from '../wishes.js'

interface RevokeOptions {
  readonly stream?: string
  readonly rotate: boolean
}

export function registerRevoke(program: Command): void {
  teach(
    program
      .command('revoke')
      .description('somebody reads no more: it keeps what it had, and opens nothing from now on')
      .argument('<who>', 'name or id of a principal')
      .option('--stream <name>', 'of this stream; default: of all that it was granted')
      .option('--no-rotate', 'only renew nothing: what was granted runs out by itself')
      .action(withContext(revoke)),
    {
      examples: ['revoke contractor --stream plant/1/temperature'],
      next: 'all others are granted the new keys by themselves, when they ask.',
    },
  )
  teach(
    program
      .command('rotate')
      .description('begin with new keys for a stream that this home produces')
      .argument('<stream>', 'the name of the stream')
      .action(withContext(rotate)),
    {
      examples: ['rotate plant/1/temperature'],
      next: 'readers ask for the new keys by themselves.',
    },
  )
}

async function revoke(context: Context, who: string, options: RevokeOptions): Promise<void> {
  const endpoint = await context.openEndpoint({ part: 'passive', orOffline: true })
  const principal = endpoint.parts.trustBook.findPrincipal(named(who))
  if (principal === undefined) {
    throw new WaxwingError('ERR_KEY_UNKNOWN', `nobody whom this home knows is called ${who}`)
  }
  const id = toBase64Url(principal.id)
  const held = await endpoint.parts.granter.ledger.heldBy(id)
  const streams =
    options.stream === undefined
      ? [...new Set(held.map(({ stream }) => stream))]
      : [streamName(options.stream)]
  for (const stream of streams) await endpoint.revoke(stream, id, { rotate: options.rotate })
  const isRotated = options.rotate && streams.some((stream) => isOurs(endpoint, stream))
  context.output.result({ revoked: id, name: principal.name, streams, rotated: isRotated }, [
    `Revoked: ${principal.name} gets no more of ${streams.join(', ') || 'anything'}`,
    ...(isRotated ? [`${counted(streams.length, 'stream')} with new keys from now on`] : []),
  ])
  if (streams.length === 0) context.output.note(`${principal.name} had been granted nothing.`)
}

async function rotate(context: Context, name: string): Promise<void> {
  const stream = streamName(name)
  const endpoint = await context.openEndpoint({ part: 'passive', orOffline: true })
  if (!isOurs(endpoint, stream)) {
    throw new WaxwingError('ERR_KEY_UNKNOWN', `this home does not produce ${stream}`)
  }
  const producer = await endpoint.producer(stream)
  await producer.rotate('demand')
  const { kid } = producer
  context.output.result({ stream, kid }, `${stream} has new keys from now on (kid ${kid})`)
}

function isOurs(endpoint: Endpoint, stream: string): boolean {
  return endpoint.generations().some((each) => each.own && each.stream === stream)
}
