// SPDX-License-Identifier: Apache-2.0
/**
 * `waxwing domain`: found a domain, and say who belongs to it.
 *
 * @module
 */

import type { Command } from 'commander'
import { toBase64Url } from '@waxwing/core'
import { Domain } from '@waxwing/client'
import { withContext, type Context } from '../context.js'
import { findMember, memberLines, memberValue, openDomain } from '../domain-home.js'
import { UsageError } from '../exit-codes.js'
import { assertKind } from '../file-kind.js'
import { readInput, splitItems, writeItems } from '../files.js'
import { publishBundle } from '../publishing.js'
import { counted, shortId } from '../output.js'
import { teach } from '../teaching.js'
import { formatTime, parseTime } from '../times.js'
import { namePattern, wholeNumber, named } from '../wishes.js'
import { registerDomainTrust } from './domain-trust.js'

interface AdmitOptions {
  readonly out: string
  readonly asAsked?: boolean
  readonly name?: string
  readonly produces?: readonly string[]
  readonly role?: readonly string[]
  readonly unit?: string
  readonly days?: string
}

export function registerDomain(program: Command): void {
  const domain = program.command('domain').description('found a domain and say who belongs to it')
  teach(
    domain
      .command('init')
      .description('found a domain: its anchor, its first trust bundle, its recovery principal')
      .argument('<name>', 'what people call it')
      .option('--no-recovery', 'no recovery principal: what all readers lose is lost for ever')
      .action(withContext(init)),
    {
      examples: ['--home office domain init "Acme Cooling"'],
      next: 'lock recovery.db and recovery.key away; then admit members.',
    },
  )
  teach(
    domain
      .command('show')
      .description('show the domain that this home runs')
      .option('--id', 'print nothing but the id')
      .action(withContext(show)),
    { examples: ['domain show'], next: 'members compare the id when they take their admission.' },
  )
  registerMembers(domain)
  registerDomainTrust(domain)
}

function registerMembers(domain: Command): void {
  teach(
    domain
      .command('admit')
      .description('admit who asks: sign a credential that says who it is and what it may publish')
      .argument('<request>', 'the file that `waxwing id enrol` wrote')
      .requiredOption('--out <file>', 'the file to write, for the new member')
      .option('--as-asked', 'certify what the request asks for')
      .option('--name <name>', 'the name to certify; default: what it asks for')
      .option('--produces <pattern...>', 'the stream names that it may publish')
      .option('--role <role...>', 'the roles that it has')
      .option('--unit <unit>', 'the person or department that it belongs to')
      .option('--days <count>', 'how long the credential is valid', '365')
      .action(withContext(admit)),
    {
      examples: [
        'domain admit thermometer.enrol --produces "plant/1/#" --out thermometer.admission',
      ],
      next: 'give the file back, for `waxwing id admit FILE --domain ID`.',
    },
  )
  teach(
    domain
      .command('members')
      .description('list who was ever admitted')
      .action(withContext(members)),
    { examples: ['domain members'], next: '`waxwing domain revoke NAME` ends a membership.' },
  )
  registerRevoke(domain)
}

function registerRevoke(domain: Command): void {
  teach(
    domain
      .command('revoke')
      .description('end a membership for good, for a device that is lost or a person who left')
      .argument('<who>', 'its name, or its id or the beginning of it')
      .option(
        '--since <time>',
        'what it seals in epochs that begin from then on counts no more; default: now',
      )
      .option('--out <file>', 'write the order to all granters, to be brought to them by hand')
      .option('--publish', 'leave the new trust bundle in the broker')
      .action(withContext(revoke)),
    {
      examples: ['domain revoke thermometer --since "2d ago" --publish'],
      next: 'every producer that sees the bundle rotates its keys by itself.',
      notes: [
        'A message is judged by the beginning of its epoch: in the epoch that contains the time (1h long,',
        'if `pub --epoch` said nothing) what the principal publishes goes on to count until that is over.',
        'A --since that lies one epoch earlier shuts it out at once, with what it said rightly meanwhile.',
      ],
    },
  )
}

async function init(
  context: Context,
  name: string,
  options: { readonly recovery: boolean },
): Promise<void> {
  const { home, output } = context
  if (home.has('domain')) throw new UsageError(`there is a domain in ${home.folder} already`)
  if (options.recovery && home.has('recovery')) {
    throw new UsageError(`there is a recovery principal in ${home.folder} already`)
  }
  const store = await home.create('domain')
  context.defer(() => store.close())
  const recoveryStore = options.recovery ? await home.create('recovery') : undefined
  if (recoveryStore !== undefined) context.defer(() => recoveryStore.close())
  const domain = await Domain.create(
    recoveryStore === undefined ? { store, name, recovery: false } : { store, name, recoveryStore },
  )
  const id = toBase64Url(domain.id)
  output.result({ domain: id, name, recovery: options.recovery }, [
    `Founded the domain ${name}`,
    `id ${id}`,
  ])
  if (options.recovery) {
    output.note([
      `Lock these away, off-line: whoever has them can re-open all history that is kept.`,
      `  ${home.path('recovery.db')}`,
      `  ${home.path('recovery.key')}`,
    ])
  } else {
    output.warn('There is no recovery principal: keys that every reader loses are lost for ever.')
  }
  output.next('waxwing domain admit FILE --out FILE   admit who sends you a request')
}

async function show(context: Context, options: { readonly id?: boolean }): Promise<void> {
  const domain = await openDomain(context)
  const id = toBase64Url(domain.id)
  if (options.id === true) {
    context.output.result({ id }, id)
    return
  }
  const all = await domain.members()
  const standing = all.filter(({ revokedSince }) => revokedSince === undefined)
  const expires = new Date(domain.bundleExpires * 1000)
  const hasRecovery = domain.recoveryAdmission !== null
  context.output.result(
    {
      id,
      name: domain.name,
      anchor: toBase64Url(domain.anchorId),
      members: standing.length,
      keepers: standing.filter(({ isKeeper }) => isKeeper).map((m) => m.name),
      recovery: hasRecovery,
      bundleExpires: expires.toISOString(),
    },
    [
      `name      ${domain.name}`,
      `id        ${id}`,
      `members   ${standing.length}${all.length > standing.length ? ` (and ${all.length - standing.length} revoked)` : ''}`,
      `recovery  ${hasRecovery ? 'yes' : 'no'}`,
      `bundle    until ${formatTime(expires)}`,
    ],
  )
}

async function admit(context: Context, file: string, options: AdmitOptions): Promise<void> {
  const { output } = context
  const request = await readInput(file)
  assertKind(file, request, 'enrolment')
  const domain = await openDomain(context)
  const asked = domain.readEnrolment(request)
  const isAsAsked = options.asAsked === true
  const unit = options.unit ?? (isAsAsked ? asked.unit : undefined)
  const terms = {
    name: options.name ?? asked.name,
    roles: options.role ?? (isAsAsked ? asked.roles : []),
    produces: (options.produces ?? (isAsAsked ? asked.produces : [])).map(namePattern),
    days: wholeNumber(options.days ?? '365', '--days'),
    ...(unit === undefined ? {} : { unit }),
  }
  const admission = await domain.admit(request, terms)
  writeItems(options.out, splitItems(admission))
  const id = toBase64Url(asked.id)
  const { name, roles, produces } = terms
  output.result({ file: options.out, id, name, roles, produces, unit, domain: idOf(domain) }, [
    `Admitted ${name} (${shortId(id)}…) to ${domain.name}`,
    `may publish  ${produces.join(', ') || 'nothing'}`,
    ...(roles.length === 0 ? [] : [`roles        ${roles.join(', ')}`]),
    `Wrote ${options.out}`,
  ])
  noteUngranted(context, asked, terms)
  output.next(`give the file back; there: waxwing id admit ${options.out} --domain ${idOf(domain)}`)
}

/** What was asked for and not given should not be a surprise. */
function noteUngranted(
  { output }: Context,
  asked: { readonly produces: readonly string[]; readonly roles: readonly string[] },
  given: { readonly produces: readonly string[]; readonly roles: readonly string[] },
): void {
  const produces = asked.produces.filter((pattern) => !given.produces.includes(pattern))
  const roles = asked.roles.filter((role) => !given.roles.includes(role))
  if (produces.length > 0 && given.produces.length === 0) {
    output.note(`It asked to publish ${produces.join(', ')}: say --produces or --as-asked.`)
  }
  if (roles.length > 0) output.note(`It asked for the roles ${roles.join(', ')}: not given.`)
}

async function members(context: Context): Promise<void> {
  const domain = await openDomain(context)
  const all = (await domain.members()).toSorted((a, b) => a.name.localeCompare(b.name))
  for (const member of all) context.output.result(memberValue(member), memberLines(member))
  if (all.length === 0) context.output.note('Nobody was admitted yet.')
  else context.output.note(counted(all.length, 'member'))
}

async function revoke(
  context: Context,
  who: string,
  options: { readonly since?: string; readonly publish?: boolean; readonly out?: string },
): Promise<void> {
  const { output } = context
  const domain = await openDomain(context)
  const member = await findMember(domain, named(who))
  const since = options.since === undefined ? undefined : parseTime(options.since, Date.now())
  const { revocation } = await domain.revoke(member.id, since)
  if (options.out !== undefined) writeItems(options.out, [revocation])
  const { revokedSince = Date.now() / 1000 } = await findMember(domain, toBase64Url(member.id))
  const from = new Date(revokedSince * 1000)
  output.result(
    {
      revoked: toBase64Url(member.id),
      name: member.name,
      since: from.toISOString(),
      published: options.publish === true,
    },
    `Revoked ${member.name} (${shortId(member.id)}…) since ${formatTime(from, 'second')}`,
  )
  if (member.produces.length > 0) {
    output.note(
      'What it publishes in the epoch of that time counts until the epoch is over ' +
        '(1h, if its streams say nothing else).',
    )
  }
  await publishBundle(context, domain, options.publish)
}

function idOf(domain: Domain): string {
  return toBase64Url(domain.id)
}
