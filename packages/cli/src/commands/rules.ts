// SPDX-License-Identifier: Apache-2.0
/**
 * `waxwing rules`: what is granted without asking anybody.
 *
 * @module
 */

import type { Command } from 'commander'
import { toBase64Url, WaxwingError } from '@waxwing/core'
import type { Rule } from '@waxwing/client'
import { withContext, type Context } from '../context.js'
import { UsageError } from '../exit-codes.js'
import { teach } from '../teaching.js'
import { formatDuration, parseDuration } from '../times.js'
import { fullId, namePattern } from '../wishes.js'

interface AddOptions {
  readonly streams: string
  readonly role?: string
  readonly unit?: string
  readonly principal?: string
  readonly domain?: string
  readonly history?: string
  readonly lease?: string
  readonly share?: boolean
}

export function registerRules(program: Command): void {
  const rules = program.command('rules').description('say what is granted without asking you')
  teach(
    rules
      .command('add')
      .description('grant to a role, a unit or a principal whenever it asks')
      .argument('<name>', 'a name for the rule; one of this name is replaced')
      .requiredOption('--streams <pattern>', 'the streams that it is about')
      .option('--role <role>', 'for whoever has this role')
      .option('--unit <unit>', 'for whoever belongs to this unit')
      .option('--principal <id>', 'for one principal, by its full id')
      .option('--domain <id>', "whose roles and units are meant; default: our own domain's")
      .option('--history <duration>', 'how far back each grant reaches; default: not at all')
      .option('--lease <duration>', 'give it for so long at a time')
      .option('--share', 'give the right to grant onwards too')
      .action(withContext(add)),
    {
      examples: [
        'rules add screens --streams "plant/#" --role dashboard --history 30d --lease 24h',
      ],
      next: 'whoever asks and fits is granted by `waxwing pub --keep-open` or `requests --watch`.',
    },
  )
  teach(rules.command('list').description('list the rules').action(withContext(list)), {
    examples: ['rules list'],
    next: '`waxwing rules remove NAME`.',
  })
  teach(
    rules
      .command('remove')
      .description('remove a rule; what it granted stays until it is revoked or runs out')
      .argument('<name>', 'the name of the rule')
      .action(withContext(remove)),
    { examples: ['rules remove screens'], next: '`waxwing revoke WHO` for who must read no more.' },
  )
}

async function add(context: Context, name: string, options: AddOptions): Promise<void> {
  const rule = ruleFrom(name, options)
  const endpoint = await context.openEndpoint({ part: 'offline' })
  await endpoint.rules.set(rule)
  context.output.result({ ...rule }, ruleText(rule))
}

async function list(context: Context): Promise<void> {
  const endpoint = await context.openEndpoint({ part: 'offline' })
  const all = endpoint.rules.all()
  for (const rule of all) context.output.result({ ...rule }, ruleText(rule))
  if (all.length === 0) context.output.note('There are no rules: every request waits for you.')
}

async function remove(context: Context, name: string): Promise<void> {
  const endpoint = await context.openEndpoint({ part: 'offline' })
  if (!(await endpoint.rules.remove(name))) {
    throw new WaxwingError('ERR_KEY_UNKNOWN', `there is no rule ${name}: waxwing rules list`)
  }
  context.output.result({ removed: name }, `Removed the rule ${name}`)
}

/** @throws {UsageError} If the options make no rule. */
export function ruleFrom(id: string, options: AddOptions): Rule {
  if (!/^[\w.-]{1,64}$/.test(id)) throw new UsageError(`'${id}' is no name for a rule`)
  const { history, lease } = options
  return {
    id,
    streams: namePattern(options.streams),
    to: granteeOf(options),
    ...(options.domain === undefined
      ? {}
      : { domain: toBase64Url(fullId(options.domain, 'domain id')) }),
    ...(history === undefined ? {} : { historySeconds: parseDuration(history) }),
    ...(lease === undefined ? {} : { leaseSeconds: parseDuration(lease) }),
    rights: options.share === true ? 'share' : 'read',
  }
}

function granteeOf({ role, unit, principal }: AddOptions): Rule['to'] {
  const given = [role, unit, principal].filter((each) => each !== undefined)
  if (given.length !== 1) throw new UsageError('say one of --role, --unit and --principal')
  if (role !== undefined) return { role }
  if (unit !== undefined) return { unit }
  return { principal: toBase64Url(fullId(principal ?? '')) }
}

export function ruleText(rule: Rule): string {
  const [kind = '', who = ''] = Object.entries(rule.to)[0] ?? []
  const history =
    rule.historySeconds === undefined
      ? 'from when it asks'
      : `${formatDuration(rule.historySeconds)} back`
  const lease =
    rule.leaseSeconds === undefined ? '' : `, for ${formatDuration(rule.leaseSeconds)} at a time`
  const share = rule.rights === 'share' ? ' and share on' : ''
  return `${rule.id}: ${kind} ${who} may read${share} ${rule.streams}, ${history}${lease}`
}
