// SPDX-License-Identifier: Apache-2.0
/** What `waxwing mail` refuses before it does anything. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { UsageError } from '../../src/exit-codes.js'
import { buildProgram } from '../../src/program.js'

const ACCOUNT = ['--broker', 'mail://127.0.0.1:1?from=plant@x.org&smtp-user=']
const TO = ['--to', 'a@x.org']

describe('a wish of mails', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'waxwing-wish-'))
    writeFileSync(join(folder, 'huge.bin'), Buffer.alloc(25_000_000))
    writeFileSync(join(folder, 'empty.eml'), 'Subject: nothing\n\nnothing\n')
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it.each([
    [['send', ...TO], 'say what to send'],
    [['send', '--message', 'x', ...TO], '--stream'],
    [['send', '--archive', 'x.wax', ...TO, '--grant', 'desk'], '--stream'],
    [['send', '--message', 'x', '--stream', 'plant/x', ...TO, '--lease', '1h'], '--grant WHO'],
    [['send', 'HOME/huge.bin', '--stream', 'plant/x', ...TO], '--max-size'],
    [['send', 'HOME', '--stream', 'plant/x', ...TO], 'is no file'],
    [['send', '--again', 'HOME/empty.eml', ...TO], 'is no mail with anything sealed'],
    [['send', '--archive', 'HOME/empty.eml'], 'say who gets it'],
    [['send', '--archive', 'HOME/empty.eml', '--to', 'nobody'], 'mailbox'],
    [['send', '--archive', 'HOME/empty.eml', ...TO, '--subject', 'a\nb'], 'one line'],
    [['fetch', 'x.eml', '--watch'], 'no --watch'],
    [['fetch', '--watch', '--since', '1d ago'], '--watch takes what comes'],
    [['fetch', '--stream', 'plant/#'], '--stream goes with --since'],
  ])('that makes no sense is told as such: %j', async (args, message) => {
    const wish = args.map((arg) => arg.replace('HOME', folder))
    const argv = ['--home', folder, ...ACCOUNT, 'mail', ...wish]
    const run = buildProgram(() => undefined).parseAsync(argv, { from: 'user' })
    await expect(run).rejects.toThrow(message)
    await expect(run).rejects.toBeInstanceOf(UsageError)
  })

  it('without an account says how to name one', async () => {
    const send = ['mail', 'send', '--archive', join(folder, 'empty.eml'), ...TO]
    const argv = ['--home', folder, '--broker', 'mqtt://127.0.0.1', ...send]
    const run = buildProgram(() => undefined).parseAsync(argv, { from: 'user' })
    await expect(run).rejects.toThrow('mails://')
  })
})
