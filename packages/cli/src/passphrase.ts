// SPDX-License-Identifier: Apache-2.0
/**
 * Passphrases: typed without echo, or from a file or the environment; never an argument, because
 * everybody on the machine can read those.
 *
 * @module
 */

import { readFileSync } from 'node:fs'
import { WaxwingError } from '@waxwing/core'
import { UsageError } from './exit-codes.js'

export interface PassphraseWish {
  /** Somebody is to be asked. */
  readonly ask: boolean
  readonly file: string | undefined
}

const CTRL_C = '\u0003'
const CTRL_D = '\u0004'
const BACKSPACES: ReadonlySet<string> = new Set(['\b', '\u007F'])

/** The passphrase of a file or of the environment, if there is one. */
export function passphraseFrom({ file }: PassphraseWish): string | undefined {
  if (file !== undefined) return readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  return process.env['WAXWING_PASSPHRASE']
}

/**
 * Asks for a passphrase on the terminal.
 *
 * @throws {WaxwingError} `ERR_STORE_KEY` if there is nobody to ask.
 */
export async function askPassphrase(question: string, times?: 'twice'): Promise<string> {
  if (!process.stdin.isTTY) {
    const message =
      'the store key is missing: neither key file nor terminal; put the key file beside the store ' +
      '(with `store restore`: --key-file), or set WAXWING_STORE_KEY, WAXWING_PASSPHRASE or ' +
      '--passphrase-file'
    throw new WaxwingError('ERR_STORE_KEY', message)
  }
  const passphrase = await readHidden(question)
  if (passphrase === '') throw new UsageError('the passphrase is empty')
  if (times === 'twice' && (await readHidden('Again: ')) !== passphrase) {
    throw new UsageError('the two passphrases differ')
  }
  return passphrase
}

function readHidden(question: string): Promise<string> {
  const { stdin, stderr } = process
  // Before the question: who answers at once must not see it either.
  stdin.setRawMode(true).setEncoding('utf8').resume()
  stderr.write(question)
  return new Promise((resolve, reject) => {
    let text = ''
    const done = (error?: Error): void => {
      stdin.off('data', take).setRawMode(false).pause()
      stderr.write('\n')
      if (error === undefined) resolve(text)
      else reject(error)
    }
    const take = (chunk: string): void => {
      for (const char of chunk) {
        if (char === '\r' || char === '\n') return done()
        if (char === CTRL_C || char === CTRL_D) return done(new UsageError('given up'))
        text = BACKSPACES.has(char) ? text.slice(0, -1) : text + char
      }
    }
    stdin.on('data', take)
  })
}
