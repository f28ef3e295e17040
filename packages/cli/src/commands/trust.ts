// SPDX-License-Identifier: Apache-2.0
/**
 * `waxwing trust`: whom this home believes, and why.
 *
 * @module
 */

import type { Command } from 'commander'
import { toBase64Url, WaxwingError, type TrustedPrincipal } from '@waxwing/core'
import type { Endpoint } from '@waxwing/client'
import { withContext, type Context } from '../context.js'
import { learnFromBroker } from '../directory.js'
import type { Json } from '../output.js'
import { teach } from '../teaching.js'
import { formatTime } from '../times.js'
import { fullId, namePattern, named } from '../wishes.js'

export function registerTrust(program: Command): void {
  const trust = program.command('trust').description('see and say whom this home believes')
  teach(
    trust
      .command('list')
      .description('list who is known: admitted by our domain or a partner, or pinned')
      .option('--refresh', 'ask the broker who announced itself')
      .action(withContext(list)),
    { examples: ['trust list --refresh'], next: '`waxwing grant NAME --stream STREAM`.' },
  )
  teach(
    trust
      .command('pin')
      .description('believe a key that somebody showed you, without any domain')
      .argument('<name>', 'what you call it')
      .argument('<key>', 'its public key, as `waxwing id show` prints it there')
      .option('--produces <pattern...>', 'the stream names that it may publish')
      .action(withContext(pin)),
    {
      examples: ['trust pin neighbour 3q2-7w… --produces "neighbour/#"'],
      next: 'to grant it something, take its card: `waxwing take neighbour.card`.',
    },
  )
  teach(
    trust
      .command('unpin')
      .description('believe a pinned key no more')
      .argument('<who>', 'its name or id')
      .action(withContext(unpin)),
    { examples: ['trust unpin neighbour'], next: '`waxwing trust list`.' },
  )
}

async function list(context: Context, options: { readonly refresh?: boolean }): Promise<void> {
  const part = options.refresh === true ? 'passive' : 'offline'
  const endpoint = await context.openEndpoint({ part })
  if (options.refresh === true) await learnFromBroker(endpoint)
  const known = endpoint.parts.trustBook.known()
  for (const principal of known) {
    const { value, line } = describePrincipal(endpoint, principal)
    context.output.result(value, line)
  }
  if (known.length === 0) context.output.note('Nobody is known yet.')
}

function describePrincipal(
  { parts }: Endpoint,
  principal: TrustedPrincipal,
): { value: { readonly [key: string]: Json }; line: string } {
  const { trust } = parts.trustBook
  const id = toBase64Url(principal.id)
  const card = parts.trustBook.cardOf(principal.id)
  const since = trust.revokedSince(principal)
  const hasCard = card !== undefined && card.expires * 1000 > parts.runtime.time.now()
  const own = principal.domainId && trust.bundle && toBase64Url(trust.bundle.domainId)
  const domain = principal.domainId === null ? null : toBase64Url(principal.domainId)
  const isSelf = id === toBase64Url(parts.identity.id)
  const from = isSelf
    ? 'this home'
    : domain === null
      ? 'pinned'
      : domain === own
        ? 'our domain'
        : `domain ${domain.slice(0, 12)}`
  const facts = [
    from,
    ...(since === undefined ? [] : [`REVOKED since ${formatTime(new Date(since * 1000))}`]),
    ...(principal.unit === undefined ? [] : [`unit ${principal.unit}`]),
    ...(principal.roles.length === 0 ? [] : [`roles ${principal.roles.join(', ')}`]),
    ...(principal.produces.length === 0 ? [] : [`publishes ${principal.produces.join(', ')}`]),
    ...(since !== undefined ? [] : [hasCard ? 'can be granted to' : 'no key card']),
  ]
  return {
    value: {
      id,
      name: principal.name,
      domain,
      unit: principal.unit,
      roles: principal.roles,
      produces: principal.produces,
      pinned: domain === null,
      hasCard,
      revokedSince: since === undefined ? null : new Date(since * 1000).toISOString(),
    },
    line: `${principal.name.padEnd(16)} ${id.slice(0, 12)}  ${facts.join('; ')}`,
  }
}

async function pin(
  context: Context,
  name: string,
  key: string,
  options: { readonly produces?: readonly string[] },
): Promise<void> {
  const produces = (options.produces ?? []).map(namePattern)
  const endpoint = await context.openEndpoint({ part: 'offline' })
  const publicKey = fullId(key, 'public key')
  const { id } = await endpoint.parts.trustBook.pin({ publicKey, name, produces })
  context.output.result(
    { pinned: toBase64Url(id), name, produces },
    `Pinned ${name} (id ${toBase64Url(id)}); may publish ${produces.join(', ') || 'nothing'}`,
  )
}

async function unpin(context: Context, who: string): Promise<void> {
  const endpoint = await context.openEndpoint({ part: 'offline' })
  const { trustBook } = endpoint.parts
  const principal = trustBook.findPrincipal(named(who))
  if (principal === undefined || trustBook.trust.pinned(principal.id) === undefined) {
    throw new WaxwingError('ERR_KEY_UNKNOWN', `no pinned key is called ${who}`)
  }
  await trustBook.unpin(principal.id)
  const id = toBase64Url(principal.id)
  context.output.result({ unpinned: id, name: principal.name }, `Unpinned ${principal.name}`)
}
