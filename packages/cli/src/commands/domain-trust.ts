// SPDX-License-Identifier: Apache-2.0
/**
 * `waxwing domain bundle`, `renew`, `partner`, `keeper`, `rotate-anchor`: what the domain's trust
 * bundle says besides its members.
 *
 * @module
 */

import type { Command } from 'commander'
import { decodeTrustBundle, toBase64Url, type TrustBundle } from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import type { Domain } from '@waxwing/client'
import { withContext, type Context } from '../context.js'
import { findMember, memberLines, memberValue, openDomain } from '../domain-home.js'
import { UsageError } from '../exit-codes.js'
import { assertKind } from '../file-kind.js'
import { readInput, splitItems, writeItems } from '../files.js'
import { shortId } from '../output.js'
import { publishBundle } from '../publishing.js'
import { teach } from '../teaching.js'
import { formatTime } from '../times.js'
import { fullId, namePattern, named } from '../wishes.js'

interface Publish {
  readonly publish?: boolean
}

const PUBLISH = ['--publish', 'leave the new trust bundle in the broker'] as const

export function registerDomainTrust(domain: Command): void {
  teach(
    domain
      .command('bundle')
      .description('show, write or publish the newest trust bundle')
      .option('--out <file>', 'write it to a file: for members without a broker, or a partner')
      .option(...PUBLISH)
      .action(withContext(bundle)),
    {
      examples: ['domain bundle --publish', 'domain bundle --out acme.bundle'],
      next: 'members take a file with `waxwing take`, partners with `waxwing domain partner add`.',
    },
  )
  teach(
    domain
      .command('renew')
      .description('sign the trust bundle again before it expires')
      .option(...PUBLISH)
      .action(withContext(renew)),
    {
      examples: ['domain renew --publish'],
      next: 'do it again before the new date, or by a timer.',
    },
  )
  teach(
    domain
      .command('rotate-anchor')
      .description("replace the domain's root key; what the old one signed stays good")
      .option(...PUBLISH)
      .action(withContext(rotateAnchor)),
    {
      examples: ['domain rotate-anchor --publish'],
      next: 'back up domain.db: the old key is gone.',
    },
  )
  registerKeeper(domain)
  registerPartner(domain)
}

function registerKeeper(domain: Command): void {
  const keeper = domain.command('keeper').description('name members that grant for the producers')
  teach(
    keeper
      .command('add')
      .description('every producer shares its keys with this member, so that it can grant for it')
      .argument('<who>', 'name or id of a member')
      .option(...PUBLISH)
      .action(withContext(addKeeper)),
    { examples: ['domain keeper add gatekeeper --publish'], next: 'keep it on line.' },
  )
  teach(
    keeper
      .command('remove')
      .description('the member grants for the producers no more')
      .argument('<who>', 'name or id of a member')
      .option(...PUBLISH)
      .action(withContext(removeKeeper)),
    {
      examples: ['domain keeper remove gatekeeper --publish'],
      next: '`waxwing rotate STREAM` where it must not read on.',
    },
  )
  teach(keeper.command('list').description('list the keepers').action(withContext(listKeepers)), {
    examples: ['domain keeper list'],
    next: '`waxwing domain keeper add` names another.',
  })
}

/** Shown like members, which they are. */
async function listKeepers(context: Context): Promise<void> {
  const domain = await openDomain(context)
  const keepers = (await domain.members()).filter(({ isKeeper }) => isKeeper)
  for (const keeper of keepers) context.output.result(memberValue(keeper), memberLines(keeper))
  if (keepers.length === 0) context.output.note('There are no keepers.')
}

function registerPartner(domain: Command): void {
  const partner = domain.command('partner').description('trust another domain for some names')
  teach(
    partner
      .command('add')
      .description("believe another domain's principals, for the stream names that you say")
      .argument('<bundle>', 'the file that its `waxwing domain bundle --out` wrote')
      .requiredOption('--domain <id>', 'its domain id, learnt by another way than the file')
      .option('--streams <pattern...>', 'the stream names that it may publish here; default: none')
      .option(...PUBLISH)
      .action(withContext(addPartner)),
    {
      examples: ['domain partner add acme.bundle --domain V1StGXR8… --streams "acme/#" --publish'],
      next: 'the other side does the same with your bundle.',
    },
  )
  teach(
    partner
      .command('remove')
      .description('believe another domain no more')
      .argument('<id>', 'its domain id')
      .option(...PUBLISH)
      .action(withContext(removePartner)),
    {
      examples: ['domain partner remove V1StGXR8… --publish'],
      next: '`waxwing domain partner list`.',
    },
  )
  teach(
    partner
      .command('list')
      .alias('show')
      .description('list the partners')
      .action(withContext(listPartners)),
    { examples: ['domain partner list'], next: '`waxwing domain partner add` names another.' },
  )
}

async function bundle(
  context: Context,
  options: Publish & { readonly out?: string },
): Promise<void> {
  const domain = await openDomain(context)
  if (options.out !== undefined) writeItems(options.out, splitItems(domain.partnerCard()))
  showBundle(context, domain, options.out)
  await publishBundle(context, domain, options.publish)
}

async function renew(context: Context, { publish }: Publish): Promise<void> {
  const domain = await openDomain(context)
  await domain.renewBundle()
  showBundle(context, domain)
  await publishBundle(context, domain, publish)
}

async function rotateAnchor(context: Context, { publish }: Publish): Promise<void> {
  const domain = await openDomain(context)
  await domain.rotateAnchor()
  const anchor = toBase64Url(domain.anchorId)
  context.output.result({ anchor }, `The new anchor is ${anchor}; the domain's id stays.`)
  await publishBundle(context, domain, publish)
}

function showBundle({ output }: Context, domain: Domain, file?: string): void {
  const { version, expires } = newest(domain)
  const until = new Date(expires * 1000)
  output.result({ version, expires: until.toISOString(), file }, [
    `Trust bundle ${version} of ${domain.name}, valid until ${formatTime(until)}`,
    ...(file === undefined ? [] : [`Wrote ${file}`]),
  ])
}

async function addKeeper(context: Context, who: string, { publish }: Publish): Promise<void> {
  const domain = await openDomain(context)
  const { id, name } = await findMember(domain, named(who))
  await domain.addKeeper(id)
  const told = `${name} is a keeper from now on`
  context.output.result({ keeper: toBase64Url(id), name }, told)
  await publishBundle(context, domain, publish)
}

async function removeKeeper(context: Context, who: string, { publish }: Publish): Promise<void> {
  const domain = await openDomain(context)
  const { id, name } = await findMember(domain, named(who))
  await domain.removeKeeper(id)
  context.output.result({ removed: toBase64Url(id), name }, `${name} is no keeper any more`)
  await publishBundle(context, domain, publish)
}

async function addPartner(
  context: Context,
  file: string,
  options: Publish & { readonly domain: string; readonly streams?: readonly string[] },
): Promise<void> {
  const domain = await openDomain(context)
  const expected = fullId(options.domain, 'domain id')
  const bytes = await readInput(file)
  assertKind(file, bytes, 'bundle')
  const card = domain.readPartnerCard(bytes)
  const found = toBase64Url(card.domainId)
  if (found !== toBase64Url(expected)) {
    throw new UsageError(`the file is of the domain ${found}, not of ${options.domain}`)
  }
  const patterns = (options.streams ?? []).map(namePattern)
  await domain.addPartner({ ...card, patterns })
  context.output.result({ partner: found, patterns }, [
    `Partner ${shortId(found)}… may publish ${patterns.join(', ') || 'nothing'} here`,
  ])
  await publishBundle(context, domain, options.publish)
}

async function removePartner(context: Context, id: string, { publish }: Publish): Promise<void> {
  const domain = await openDomain(context)
  await domain.removePartner(fullId(id, 'domain id'))
  context.output.result({ removed: id }, `${shortId(id)}… is no partner any more`)
  await publishBundle(context, domain, publish)
}

async function listPartners(context: Context): Promise<void> {
  const { partners } = newest(await openDomain(context))
  for (const { domainId, patterns } of partners) {
    const id = toBase64Url(domainId)
    context.output.result({ partner: id, patterns }, `${id}  ${patterns.join(', ') || 'nothing'}`)
  }
  if (partners.length === 0) context.output.note('There are no partners.')
}

function newest(domain: Domain): TrustBundle {
  return decodeTrustBundle(nodeProvider, domain.bundle)
}
