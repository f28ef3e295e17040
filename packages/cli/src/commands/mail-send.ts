// SPDX-License-Identifier: Apache-2.0
/**
 * `waxwing mail send`: files and messages of a stream, and the grants for their readers, in one mail.
 *
 * @module
 */

import type { Command } from 'commander'
import { withContext } from '../context.js'
import type { MailSendOptions } from '../mail/sending.js'
import { teach } from '../teaching.js'
import { collected } from '../wishes.js'

export function registerMailSend(mail: Command): void {
  const send = mail
    .command('send')
    .description('seal files and send them in a mail, with grants for who is to read them')
    .argument('[file...]', 'the files')
    .option('--to <mailbox>', 'who gets the mail; may be repeated (default: of the URL)', collected)
    .option('--stream <name>', 'the stream as which they are sealed')
    .option('--message <text>', 'a message, beside the files or alone; - is standard input')
    .option('--content-type <type>', 'what the message is, sealed with it')
    .option('--archive <file>', 'attach an archive (.wax) as it is: needs no identity')
    .option('--subject <text>', 'NOT SECRET: anyone on the way reads it', 'Sealed data')
    .option('--text <text>', 'words before the attachments. NOT SECRET')
    .option('--sender <mailbox>', 'our own mailbox (default: of the URL)')
    .option('--out <file>', 'write the mail to FILE.eml instead of sending it')
    .option('--again <file>', 'send what a mail in a file has, which could not be sent before')
    .option('--max-size <mebibytes>', 'of the mail, as the servers take it', '25')
    .option('--timeout <duration>', 'give up if the server takes it not for this time', '2m')
    .action(
      withContext(async (context, files: readonly string[], options: MailSendOptions) => {
        const { sendByMail } = await import('../mail/sending.js')
        await sendByMail(context, files, options)
      }),
    )
  send
    .optionsGroup('Who may read, granted in the same mail:')
    .option('--grant <who>', 'somebody whose key card is held; may be repeated', collected)
    .option(
      '--grant-from <time>',
      'the first moment that they may read (default: that of this mail)',
    )
    .option('--grant-until <time>', 'the last one (default: that of this mail)')
    .option('--lease <duration>', 'give it for so long, and renew it on request')
  teach(send, {
    examples: [
      'mail send report.pdf --stream plant/reports --grant auditor --to auditor@example.org',
      'mail send --archive plant.wax --to auditor@example.org --subject "The plant, November"',
    ],
    next: 'they take it with `waxwing mail fetch`; whoever was not granted asks, by mail.',
    notes: [
      'The account is the broker: --broker "mails://imap.example.org?smtp=smtp.example.org&from=you@example.org".',
      'Who is to be granted is known by its card: `waxwing id card --out FILE` there, `waxwing take FILE` here.',
    ],
  })
}
