// SPDX-License-Identifier: Apache-2.0
/**
 * `waxwing take`: control messages that came by file or mail instead of a broker.
 *
 * @module
 */

import type { Command } from 'commander'
import { WaxwingError } from '@waxwing/core'
import type { Endpoint } from '@waxwing/client'
import { withContext, type Context } from '../context.js'
import { rankOf } from '../control-order.js'
import { assertKind } from '../file-kind.js'
import { readInput, splitItems, writeItems } from '../files.js'
import { counted } from '../output.js'
import { teach } from '../teaching.js'

type Replies = Awaited<ReturnType<Endpoint['parts']['dispatcher']['receive']>>

export function registerTake(program: Command): void {
  teach(
    program
      .command('take')
      .description('take grants, requests, cards or trust bundles that came by file or mail')
      .argument('<file...>', 'the files; - is standard input; base64 is undone')
      .option('--out <file>', 'write the answers to a file instead of sending them')
      .action(withContext(run)),
    {
      examples: ['take grant.wax', 'take request.wax --out answer.wax'],
      next: 'what can now be read, `waxwing sub` and `waxwing open` show.',
    },
  )
}

async function run(
  context: Context,
  files: readonly string[],
  options: { readonly out?: string },
): Promise<void> {
  const { output } = context
  const items: Uint8Array[] = []
  for (const file of files) {
    const bytes = await readInput(file)
    assertKind(file, bytes, 'messages', 'bundle')
    items.push(...splitItems(bytes))
  }
  const part = options.out === undefined ? 'passive' : 'offline'
  const endpoint = await context.openEndpoint({ part, orOffline: true, showEvents: true })
  const { replies, failures } = await receiveAll(endpoint, items)
  if (options.out !== undefined && replies.length > 0) {
    writeItems(
      options.out,
      replies.map(({ payload }) => payload),
    )
    output.note(`Wrote ${counted(replies.length, 'answer')} to ${options.out}`)
  } else if (replies.length > 0) {
    await endpoint.parts.outbox.post(replies)
  }
  const taken = items.length - failures.length
  output.result({ taken, refused: failures.length, answers: replies.length }, [
    `Took ${counted(taken, 'message')}`,
  ])
  for (const error of failures.slice(1)) output.warn(`Refused: ${error.message}`)
  const [first] = failures
  if (first !== undefined) throw first
}

async function receiveAll(
  endpoint: Endpoint,
  items: readonly Uint8Array[],
): Promise<{ replies: Replies; failures: readonly Error[] }> {
  const replies: Replies[number][] = []
  const failures: Error[] = []
  for (const item of items.toSorted((a, b) => rankOf(a) - rankOf(b))) {
    try {
      replies.push(...(await endpoint.parts.dispatcher.receive(item)))
    } catch (error) {
      if (!(error instanceof WaxwingError)) throw error
      failures.push(error)
    }
  }
  return { replies, failures }
}
