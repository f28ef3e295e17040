// SPDX-License-Identifier: Apache-2.0
/**
 * `waxwing mail`: sealed data in mails.
 *
 * @module
 */

import type { Command } from 'commander'
import { registerMailFetch } from './mail-fetch.js'
import { registerMailSend } from './mail-send.js'

export function registerMail(program: Command): void {
  const mail = program.command('mail').description('send sealed files in mails, and take them')
  registerMailSend(mail)
  registerMailFetch(mail)
}
