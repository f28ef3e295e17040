// SPDX-License-Identifier: Apache-2.0
/**
 * `waxwing open`: read an archive with the grants that are held.
 *
 * @module
 */

import type { Command } from 'commander'
import { ArchiveAccount, archiveBytes, takeArchivedGrants } from '../archive-reading.js'
import { requestMissing } from '../archive-requests.js'
import { withContext, type Context } from '../context.js'
import { keptReader, spanFrom } from '../kept-reader.js'
import { messageLines, messageValue } from '../message-text.js'
import { counted, type Json } from '../output.js'
import { teach } from '../teaching.js'
import { parseDuration } from '../times.js'

interface OpenOptions {
  readonly from?: string
  readonly until?: string
  readonly stream?: string
  readonly request?: boolean
  readonly reason?: string
  readonly wait: string
  readonly acceptUnsigned?: boolean
}

export function registerOpen(program: Command): void {
  teach(
    program
      .command('open')
      .description('show the messages of an archive that the grants of this home open')
      .argument('<file>', 'what `waxwing record` wrote')
      .option('--from <time>', 'leave out what was sealed before')
      .option('--until <time>', 'leave out what was sealed after')
      .option('--stream <pattern>', 'only these streams', '#')
      .option('--request', 'ask for the grants that are missing, and wait for them')
      .option('--reason <text>', 'why you want to read: shown to who decides')
      .option('--wait <duration>', 'how long to wait for grants', '30s')
      .option('--accept-unsigned', 'accept streams that any of their readers can write')
      .action(withContext(run)),
    {
      examples: ['open plant.wax', 'open plant.wax --from "2d ago" --request --json'],
      next: 'where keys are missing, ask with --request, or `waxwing take` a grant.',
    },
  )
}

async function run(context: Context, file: string, options: OpenOptions): Promise<void> {
  const { output } = context
  const span = spanFrom(options)
  const waitMs = parseDuration(options.wait) * 1000
  const part = options.request === true ? 'listening' : 'offline'
  const endpoint = await context.openEndpoint({ part, showEvents: options.request === true })
  await takeArchivedGrants(endpoint, file)
  const { stream = '#', acceptUnsigned = false } = options
  const reader = keptReader(endpoint, stream, { topicBinding: 'report', acceptUnsigned })
  context.defer(() => reader.close())
  if (options.request === true) {
    await requestMissing({ endpoint, reader, file, waitMs, output, reason: options.reason })
  }
  const account = new ArchiveAccount()
  for await (const item of reader.readArchive(archiveBytes(file, output), span)) {
    account.add(item)
    if (item.kind === 'message') output.result(messageValue(item), messageLines(item))
  }
  output.progressDone()
  tellAccount(context, account)
}

function tellAccount({ output }: Context, account: ArchiveAccount): void {
  const { opened, skipped, missingKids } = account
  const value: { [key: string]: Json } = { opened, skipped: { ...skipped }, missingKids }
  if (output.json) output.result({ summary: value }, [])
  output.note(`Opened ${counted(opened, 'message')}.`)
  for (const line of account.lines) output.note(line)
  if (missingKids.length > 0) {
    output.next('waxwing open FILE --request   ask for the grants that are missing')
  }
}
