// SPDX-License-Identifier: Apache-2.0
/**
 * `waxwing coap id`, `peer` and `context`: who this home is in CoAP, and whom it knows.
 *
 * @module
 */

import { writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import { fromBase64Url, toBase64Url, toHex, WaxwingError } from '@waxwing/core'
import { readPeerCredential, type PeerCredential } from '@waxwing/coap'
import { parseAuthority } from '../coap/authority.js'
import { isReadByOthers, readContextFile } from '../coap/context-file.js'
import { beginRecordingOf, openKeyBook, ownCredential } from '../coap/home-security.js'
import type { KeptContext } from '../coap/key-book.js'
import { withContext, type Context } from '../context.js'
import { UsageError } from '../exit-codes.js'
import { readInput } from '../files.js'
import { teach } from '../teaching.js'

interface At {
  readonly at?: readonly string[]
}

const AT = [
  '--at <server...>',
  'the servers where it is expected: HOST, or HOST:PORT; default: none',
] as const

export function registerCoapKeys(coap: Command): void {
  teach(
    coap
      .command('id')
      .description('show the credential by which others know this home in EDHOC')
      .option('--out <file>', 'write it to a new file')
      .action(withContext(showId)),
    {
      examples: ['coap id', 'coap id --out valve.credential'],
      next: 'give it to who is to know this home, for `waxwing coap peer add`.',
      notes: [
        'The key is made the first time, and never leaves the store. The credential is public, but who',
        'takes it has to know that it is yours: compare it by another way than the one it came.',
      ],
    },
  )
  registerPeer(coap)
  registerContext(coap)
}

function registerPeer(coap: Command): void {
  const peer = coap.command('peer').description('whom this home knows by a credential (EDHOC)')
  teach(
    peer
      .command('add')
      .description('know somebody by a credential; one of this name is replaced')
      .argument('<name>', 'what you call it')
      .argument('<credential>', 'what `waxwing coap id` prints there, or the file that it wrote')
      .option(...AT)
      .action(withContext(addPeer)),
    {
      examples: ['coap peer add valve oggBoQGkAQECQRQgBCFYIJ… --at valve.example'],
      next: '`waxwing coap get coap://valve.example/…` is protected from now on.',
    },
  )
  teach(peer.command('list').description('list the peers').action(withContext(listPeers)), {
    examples: ['coap peer list'],
    next: '`waxwing coap peer remove NAME`.',
  })
  teach(
    peer
      .command('remove')
      .description('know somebody no more')
      .argument('<name>', 'its name')
      .action(withContext(removePeer)),
    { examples: ['coap peer remove valve'], next: '`waxwing coap peer list`.' },
  )
}

function registerContext(coap: Command): void {
  const contexts = coap
    .command('context')
    .description('contexts of OSCORE whose secret both ends were given')
  teach(
    contexts
      .command('add')
      .description('keep a context')
      .argument('<name>', 'what you call the other end')
      .argument(
        '<file>',
        'JSON with masterSecret, senderId, recipientId and more; - is standard input',
      )
      .option(...AT)
      .option(
        '--recorded',
        'the other end knows no Appendix B.2 of RFC 8613: the keys stay the same',
      )
      .action(withContext(addContext)),
    {
      examples: ['coap context add meter meter.json --at meter.example --recorded'],
      next: '`waxwing coap get coap://meter.example/…` is protected from now on.',
      notes: [
        'The file has hex in the members masterSecret, masterSalt, senderId, recipientId and idContext',
        '(RFC 8613 Section 3.2), and may have algorithm, a COSE number; 10 is the default.',
        'By default both ends derive new keys whenever one has started (RFC 8613 Appendix B.2). With',
        '--recorded the keys are those of the file, and the store records what was used of them: they must',
        'be new, and a store that is set back to a backup gives what they encrypt away.',
      ],
    },
  )
  teach(
    contexts.command('list').description('list the contexts').action(withContext(listContexts)),
    { examples: ['coap context list'], next: '`waxwing coap context remove NAME`.' },
  )
  teach(
    contexts
      .command('remove')
      .description('forget a context and its secret')
      .argument('<name>', 'its name')
      .action(withContext(removeContext)),
    { examples: ['coap context remove meter'], next: '`waxwing coap context list`.' },
  )
}

async function showId(context: Context, { out }: { readonly out?: string }): Promise<void> {
  const { output } = context
  const { credential, idCred } = await ownCredential(await openKeyBook(context))
  const text = toBase64Url(credential.encoded)
  const kid = idCred.kind === 'kid' ? toHex(idCred.kid) : ''
  if (out === undefined) {
    output.result({ credential: text, kid }, text)
  } else {
    writeFileSync(out, `${text}\n`, { flag: 'wx', mode: 0o644 })
    output.result({ credential: text, kid, file: out }, `Wrote ${out}`)
  }
  output.next(`there: waxwing coap peer add NAME ${out ?? 'CREDENTIAL'}`)
}

async function addPeer(
  context: Context,
  name: string,
  given: string,
  { at = [] }: At,
): Promise<void> {
  const { credential, subject, kid } = await credentialOf(given)
  const authorities = at.map(parseAuthority)
  const book = await openKeyBook(context)
  await book.addPeer({ name, credential: credential.encoded, authorities })
  const calls = subject === undefined || subject === name ? '' : `, which calls itself ${subject}`
  const where = authorities.length === 0 ? '' : `; expected at ${authorities.join(', ')}`
  context.output.result(
    { added: name, subject, kid: toHex(kid), at: authorities },
    `Added ${name}${calls}${where}`,
  )
}

/** The text itself, or a file with the text or the bytes. */
async function credentialOf(given: string): Promise<PeerCredential> {
  const inline = fromBase64Url(given)
  if (inline !== undefined && inline.length > 32) return readPeerCredential(inline)
  const bytes = await readInput(given)
  const text = bytes.every((byte) => byte < 0x80) ? new TextDecoder().decode(bytes).trim() : ''
  return readPeerCredential((text === '' ? undefined : fromBase64Url(text)) ?? bytes)
}

async function listPeers(context: Context): Promise<void> {
  const { output } = context
  const peers = await (await openKeyBook(context)).peers()
  for (const { name, credential, authorities: at } of peers) {
    const text = toBase64Url(credential)
    const where = at.length === 0 ? '' : `  at ${at.join(', ')}`
    output.result({ name, credential: text, at }, `${name.padEnd(16)} ${text}${where}`)
  }
  if (peers.length === 0) output.note('No peers are known yet: waxwing coap peer add.')
}

async function removePeer(context: Context, name: string): Promise<void> {
  const book = await openKeyBook(context)
  if (!(await book.removePeer(name))) throw unknown('peer', name)
  context.output.result({ removed: name }, `Removed the peer ${name}`)
}

async function addContext(
  context: Context,
  name: string,
  file: string,
  { at = [], recorded = false }: At & { readonly recorded?: boolean },
): Promise<void> {
  const { output } = context
  const parameters = readContextFile(file, await readInput(file))
  if (parameters.idContext !== undefined && !recorded) {
    throw new UsageError('an idContext is for --recorded: otherwise the ends draw one')
  }
  if (isReadByOthers(file)) output.warn(`${file} can be read by others: chmod 600 ${file}`)
  const authorities = at.map(parseAuthority)
  const kept: KeptContext = { ...parameters, name, recorded, authorities }
  const book = await openKeyBook(context)
  await book.addContext(kept)
  if (recorded) await beginRecordingOf(book.store, kept)
  const { senderId, recipientId } = parameters
  const where = authorities.length === 0 ? '' : `; expected at ${authorities.join(', ')}`
  output.result(
    {
      added: name,
      senderId: toHex(senderId),
      recipientId: toHex(recipientId),
      at: authorities,
      recorded,
    },
    `Added the context ${name}${where}`,
  )
  output.note(`The secret is in the store now: delete ${file} where it is needed no more.`)
}

async function listContexts(context: Context): Promise<void> {
  const { output } = context
  const contexts = await (await openKeyBook(context)).contexts()
  for (const { name, senderId, recipientId, recorded, authorities: at } of contexts) {
    const ids = { senderId: toHex(senderId), recipientId: toHex(recipientId) }
    const facts = [
      `sender id ${ids.senderId || '(empty)'}`,
      `recipient id ${ids.recipientId || '(empty)'}`,
      ...(recorded ? ['recorded'] : []),
      ...(at.length === 0 ? [] : [`at ${at.join(', ')}`]),
    ]
    output.result({ name, ...ids, at, recorded }, `${name.padEnd(16)} ${facts.join('; ')}`)
  }
  if (contexts.length === 0) output.note('No contexts are kept: waxwing coap context add.')
}

async function removeContext(context: Context, name: string): Promise<void> {
  const book = await openKeyBook(context)
  if (!(await book.removeContext(name))) throw unknown('context', name)
  context.output.result({ removed: name }, `Removed the context ${name}`)
}

function unknown(what: 'peer' | 'context', name: string): WaxwingError {
  return new WaxwingError('ERR_KEY_UNKNOWN', `no ${what} is called ${name}`, {
    rule: `coap-${what}`,
  })
}
