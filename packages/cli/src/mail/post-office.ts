// SPDX-License-Identifier: Apache-2.0
/**
 * Where mails of ours go: to the server of the account, or as files into a folder, for who sends them by
 * hand.
 *
 * @module
 */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inboxAddress, WaxwingError } from '@waxwing/core'
import { composeMail, openMailer, type Letter, type Mailer } from '@waxwing/email'
import { messageOf } from '../output.js'
import { candidates } from '../transfers/file-name.js'
import type { MailAccount } from '../broker/mail-account.js'

/** Larger ones are refused by many servers. */
export const MAX_MAIL_BYTES: number = 25 * 1024 * 1024

export interface Sender {
  /** The own mailbox. */
  readonly from: string
  /** The own inbox, so that answers find back. Left out: who has no identity. */
  readonly principal?: Uint8Array | undefined
}

export interface ServerTerms {
  readonly signal: AbortSignal
  /** A server that takes nothing is given up after so long. */
  readonly patienceMs: number
  /** Told why it has to be tried again. */
  readonly onTrouble: (error: unknown) => void
}

/** An account's server, or a folder. Frees everything when it is closed. */
export interface PostOffice {
  /** @throws {WaxwingError} `ERR_TRANSPORT` if the server refuses, or is not reached in time. */
  post(letter: Letter): Promise<void>
  close(): Promise<void>
}

/** Sends by the server of an account. */
export function serverOffice(
  { smtp }: Pick<MailAccount, 'smtp'>,
  sender: Sender,
  terms: ServerTerms,
): PostOffice {
  const mailer = openMailer({ smtp, ...envelopeOf(sender), maxPayloadBytes: MAX_MAIL_BYTES })
  return {
    post: (letter) => inTime(mailer, letter, terms),
    close: () => mailer.close(),
  }
}

/** Writes each mail into a file of a folder, which is made. */
export function folderOffice(folder: string, sender: Sender): PostOffice {
  mkdirSync(folder, { recursive: true })
  return {
    post: async (letter) => writeMail(join(folder, 'answer.eml'), await mailBytes(letter, sender)),
    close: () => Promise.resolve(),
  }
}

/** A mail as a file has it. */
export async function mailBytes(letter: Letter, sender: Sender): Promise<Uint8Array> {
  return composeMail(letter, envelopeOf(sender))
}

function envelopeOf({ from, principal }: Sender): { from: string; inbox?: string } {
  return { from, ...(principal === undefined ? {} : { inbox: inboxAddress(principal) }) }
}

/** Under this name, or with a number where it is taken. Overwrites nothing. */
function writeMail(path: string, bytes: Uint8Array): void {
  for (const free of candidates(path)) {
    try {
      writeFileSync(free, bytes, { flag: 'wx', mode: 0o600, flush: true })
      return
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    }
  }
}

async function inTime(
  mailer: Mailer,
  letter: Letter,
  { signal, patienceMs, onTrouble }: ServerTerms,
): Promise<void> {
  let last: unknown
  const unlisten = mailer.onError((error) => {
    last = error
    onTrouble(error)
  })
  const late = Promise.withResolvers<never>()
  const fail = (): void => {
    const why = last === undefined ? '' : `: ${messageOf(last)}`
    const message = `the mail server did not take the mail${why}`
    const details = { rule: 'connect' }
    late.reject(new WaxwingError('ERR_TRANSPORT', message, details, { cause: last }))
  }
  const timer = setTimeout(fail, patienceMs)
  signal.addEventListener('abort', fail, { once: true })
  try {
    await Promise.race([mailer.send(letter), late.promise])
  } finally {
    unlisten()
    clearTimeout(timer)
    signal.removeEventListener('abort', fail)
  }
}
