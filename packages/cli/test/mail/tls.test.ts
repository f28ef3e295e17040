// SPDX-License-Identifier: Apache-2.0
/** Servers that want TLS: from the first byte, or by STARTTLS, and never without. */
import { writeFileSync } from 'node:fs'
import { expect, it, onTestFinished, vi } from 'vitest'
import { requireOrSkip, startDovecot, startSmtpSink } from '@waxwing/testkit'
import { dovecotAvailable, Post } from './post.js'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

requireOrSkip('dovecot (root)', dovecotAvailable())('mail servers with TLS', () => {
  it.each([
    ['implicit', 'mails', ''],
    ['starttls', 'mail', 'smtp://'],
  ] as const)('are spoken to as the URL says: %s', async (tls, scheme, smtp) => {
    const dovecot = await startDovecot({ tls })
    const users = { 'desk@example.test': dovecot.password }
    const sink = await startSmtpSink({ lmtpPort: dovecot.lmtpPort, tls, users })
    const post = await Post.over({ dovecot, sink }, 'desk')
    onTestFinished(() => post.close())
    for (const [file, authority] of Object.entries({
      imap: dovecot.authority,
      smtp: sink.authority,
    })) {
      writeFileSync(post.office.path(`${file}.pem`), authority?.ca ?? '')
    }
    const trust = (file: string): Promise<unknown> =>
      post.office.in('desk', 'config', 'set', 'ca', `${file}.pem`)
    const servers = `localhost:${dovecot.port}?smtp=${smtp}localhost:${sink.port}`
    const account = `${scheme}://${servers}&from=${post.mailbox('desk')}`
    const at = (...args: readonly string[]): ReturnType<Post['over']> =>
      post.over(account, 'desk', ...args)

    if (tls === 'implicit') {
      const unknown = await at('mail', 'fetch') // on loopback, STARTTLS is for who says whom to trust
      expect(unknown.stderr).toContain('certificate')
      expect(unknown).toMatchObject({ status: 6 })
    }
    await trust('smtp')
    const mail = ['mail', 'send', '--message', 'private', '--stream', 'desk/notes']
    expect(await at(...mail, '--to', post.mailbox('desk'))).toMatchObject({ status: 0 })
    await trust('imap')
    expect((await at('mail', 'fetch')).stdout).toContain('desk/notes  private')
    const wrong = await at(...mail, '--to', post.mailbox('desk'), '--timeout', '1s')
    expect(wrong.stderr).toContain('did not take the mail: ')
    expect(wrong).toMatchObject({ status: 6 })
  })
})
