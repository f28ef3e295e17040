// SPDX-License-Identifier: Apache-2.0
/**
 * `waxwing id`: who this home is.
 *
 * @module
 */

import type { Command } from 'commander'
import { openEndpoint, type Endpoint } from '@waxwing/client'
import { withSetting } from '../config.js'
import { withContext, type Context } from '../context.js'
import { UsageError } from '../exit-codes.js'
import { assertKind } from '../file-kind.js'
import { readInput, writeItems } from '../files.js'
import { describeIdentity } from '../identity-text.js'
import { teach } from '../teaching.js'
import { fullId, namePattern } from '../wishes.js'

interface EnrolOptions {
  readonly out: string
  readonly name?: string
  readonly produces?: readonly string[]
  readonly role?: readonly string[]
  readonly unit?: string
}

export function registerId(program: Command): void {
  const id = program.command('id').description('make and show the identity of this home')
  teach(
    id
      .command('create')
      .description('make an identity: its keys, and with --broker the setting for it')
      .requiredOption('--name <name>', 'what people call it')
      .action(withContext(create)),
    {
      examples: ['id create --name thermometer --broker mqtt://broker.example:1883'],
      next: 'ask to be admitted to a domain: `waxwing id enrol --out thermometer.enrol`.',
    },
  )
  teach(
    id
      .command('show')
      .description('show who this home is')
      .option('--id', 'print nothing but the id')
      .action(withContext(show)),
    { examples: ['id show', 'id show --json'], next: 'give the id to who grants you something.' },
  )
  registerEnrolment(id)
  registerCard(id)
}

function registerEnrolment(id: Command): void {
  teach(
    id
      .command('enrol')
      .description('write a signed request to be admitted to a domain')
      .requiredOption('--out <file>', 'the file to write')
      .option('--name <name>', 'the name to ask for')
      .option('--produces <pattern...>', 'stream names that it wants to publish')
      .option('--role <role...>', 'roles that it wants to have')
      .option('--unit <unit>', 'person or department that it belongs to')
      .action(withContext(enrol)),
    {
      examples: ['id enrol --out thermometer.enrol --produces "plant/1/#"'],
      next: 'send the file to who runs the domain, for `waxwing domain admit`.',
    },
  )
  teach(
    id
      .command('admit')
      .description("take the domain's answer: a credential and the trust bundle")
      .argument('<file>', 'what `waxwing domain admit` wrote')
      .option('--domain <id>', "the domain's id, learnt by another way than the file")
      .action(withContext(admit)),
    {
      examples: ['id admit thermometer.admission --domain V1StGXR8Z5jdHi6B…'],
      next: 'publish with `waxwing pub`, read with `waxwing sub`.',
    },
  )
}

function registerCard(id: Command): void {
  teach(
    id
      .command('announce')
      .description('leave credential and key card in the broker, so that others can grant unasked')
      .action(withContext(announce)),
    { examples: ['id announce'], next: 'others can `waxwing grant` to you by your name.' },
  )
  teach(
    id
      .command('card')
      .description('write credential and key card to a file, where no broker is to know them')
      .requiredOption('--out <file>', 'the file to write')
      .action(withContext(card)),
    {
      examples: ['id card --out me.card'],
      next: 'the granter takes it with `waxwing take me.card`.',
    },
  )
}

async function create(context: Context, { name }: { readonly name: string }): Promise<void> {
  const { home, output, givenBroker: broker } = context
  const store = await home.create('store')
  context.defer(() => store.close())
  if (broker !== undefined) home.config = withSetting(home.config, 'broker', broker)
  const endpoint = await openEndpoint({ store, name })
  context.defer(() => endpoint.close())
  output.result({ id: endpoint.id, name, home: home.folder }, [
    `Made ${name} in ${home.folder}`,
    `id ${endpoint.id}`,
  ])
  output.next('waxwing id enrol --out FILE   ask to be admitted to a domain')
}

async function show(context: Context, options: { readonly id?: boolean }): Promise<void> {
  const endpoint = await context.openEndpoint({ part: 'offline' })
  if (options.id === true) context.output.result({ id: endpoint.id }, endpoint.id)
  else showIdentity(context, endpoint)
}

function showIdentity(context: Context, endpoint: Endpoint): void {
  const { value, lines } = describeIdentity(endpoint)
  context.output.result(value, lines)
  if (endpoint.domain === null) {
    context.output.next('waxwing id enrol --out FILE   ask to be admitted to a domain')
  }
}

async function enrol(context: Context, options: EnrolOptions): Promise<void> {
  const endpoint = await context.openEndpoint({ part: 'offline' })
  const { out, name, unit, role: roles = [], produces = [] } = options
  const bytes = await endpoint.enrolment({
    roles,
    produces: produces.map(namePattern),
    ...(name === undefined ? {} : { name }),
    ...(unit === undefined ? {} : { unit }),
  })
  writeItems(out, [bytes])
  const { id } = endpoint
  context.output.result({ file: out, id, name: name ?? endpoint.name, roles, produces }, [
    `Wrote ${out}`,
    `id ${id}`,
  ])
  context.output.next(
    'send the file to who runs the domain, and compare the id by another way;',
    `there: waxwing domain admit ${out} --out FILE`,
  )
}

async function admit(
  context: Context,
  file: string,
  options: { readonly domain?: string },
): Promise<void> {
  const admission = await readInput(file)
  assertKind(file, admission, 'admission')
  if (options.domain === undefined) {
    throw new UsageError(
      "say --domain ID, with the domain's id as who runs it tells you by another way than this " +
        'file (waxwing domain show --id): anybody can write a file that names itself',
    )
  }
  const domainId = fullId(options.domain, 'domain id')
  const endpoint = await context.openEndpoint({ part: 'offline' })
  await endpoint.admit(admission, { domainId })
  const { value, lines } = describeIdentity(endpoint)
  context.output.result(value, [`Admitted as ${endpoint.name}`, ...lines.slice(1)])
  const { produces = [] } = value as { produces?: readonly string[] }
  context.output.next(
    ...(produces.length > 0 ? ['waxwing pub STREAM MESSAGE   publish'] : []),
    'waxwing sub FILTER           read',
    'waxwing id announce          let others grant you before you ask',
  )
}

async function announce(context: Context): Promise<void> {
  const endpoint = await context.openEndpoint({ part: 'passive', announce: true })
  if (endpoint.domain === null) {
    throw new UsageError('there is nothing to announce before a domain has admitted you')
  }
  const { name, id, domain } = endpoint
  context.output.result({ announced: id, name, domain }, `Announced ${name} in the broker`)
}

async function card(context: Context, { out }: { readonly out: string }): Promise<void> {
  const endpoint = await context.openEndpoint({ part: 'offline' })
  const { credential, card: own } = endpoint.parts.identity
  writeItems(out, credential === null ? [own.bytes] : [credential, own.bytes])
  context.output.result({ file: out, id: endpoint.id }, `Wrote ${out}`)
  context.output.next(`give it to the granter, for: waxwing take ${out}`)
}
