// SPDX-License-Identifier: Apache-2.0
/**
 * `waxwing mail fetch`: what came by mail, taken, opened and answered.
 *
 * @module
 */

import type { Command } from 'commander'
import { withContext } from '../context.js'
import type { MailFetchOptions } from '../mail/fetch-wish.js'
import { teach } from '../teaching.js'

export function registerMailFetch(mail: Command): void {
  const fetch = mail
    .command('fetch')
    .description('take what came by mail: open it, save files, act on requests and grants')
    .argument('[file...]', 'mails in files instead: .eml, or mbox; - is standard input')
    .option('--out <folder>', 'where files go (default: the folder mail in the home)')
    .option('--watch', 'stay, and take what comes')
    .option('--folder <name>', 'of the mailbox, as Lists/Plant (default: of the URL)')
    .option('--ask', 'ask for missing keys now, though they were asked for within the hour')
    .option('--reason <text>', 'why you want to read: shown to who decides')
    .option('--answers <folder>', 'write answers as mails into files, for who sends them by hand')
    .option('--sender <mailbox>', 'our own mailbox, in those files (default: of the URL)')
    .option('--max-size <mebibytes>', 'refuse files that are larger')
    .action(
      withContext(async (context, files: readonly string[], options: MailFetchOptions) => {
        const { fetchMails } = await import('../mail/fetch-wish.js')
        await fetchMails(context, files, options)
      }),
    )
  fetch
    .optionsGroup('What is still there, taken or not; nothing is changed or recorded as read:')
    .option('--since <time>', 'mails that came since then')
    .option('--until <time>', 'mails that came until then')
    .option('--again', 'all mails; with files, what was read before too')
    .option('--stream <pattern>', 'only these streams', '#')
  fetch
    .optionsGroup('Less protection:')
    .option('--accept-unsigned', 'accept streams that any of their readers can write')
  teach(fetch, {
    examples: [
      'mail fetch --out inbox/',
      'mail fetch --watch',
      'mail fetch --folder Lists/Plant --since "30d ago"',
      'mail fetch saved.eml',
    ],
    next: 'what lacks a grant is kept and asked for: the same command opens it when the answer is there.',
    notes: [
      'The account is the broker: --broker "mails://imap.example.org?smtp=smtp.example.org&from=you@example.org".',
      'Mails without anything sealed are left alone. A mail is marked as taken when all that it brought is',
      'safe here. Requests that no rule decides wait: waxwing requests, waxwing grant.',
    ],
  })
}
