// SPDX-License-Identifier: Apache-2.0
/**
 * A mailing list: what is written to it goes to its members, with the list's words below, and into its
 * archive. Who comes later is granted some of it, and reads that in the archive, and no more.
 */
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { requireOrSkip, startDovecot, startSmtpSink, withFooter } from '@waxwing/testkit'
import { dovecotAvailable, Post } from './post.js'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

/** What is granted is granted by epochs: these stand for months. */
const EPOCH = '3s'
const MEMBERS = ['desk', 'archive']

requireOrSkip('dovecot (root)', dovecotAvailable())('a mailing list', () => {
  let post: Post

  beforeAll(async () => {
    const dovecot = await startDovecot()
    const sink = await startSmtpSink({
      lmtpPort: dovecot.lmtpPort,
      relay: (mail) =>
        mail.to[0] === post.mailbox('list')
          ? [
              {
                ...mail,
                to: MEMBERS.map((name) => post.mailbox(name)),
                bytes: withFooter(mail.bytes),
              },
            ]
          : [mail],
    })
    post = await Post.over({ dovecot, sink }, 'author', 'desk', 'newcomer')
    await post.introduce('desk', 'author')
    await post.introduce('newcomer', 'author')
  })

  afterAll(() => post.close())

  it('is read by members, and by a newcomer as far as that was granted', async () => {
    const list = post.account('author', `&to=${post.mailbox('list')}`)
    const author = (...args: readonly string[]): ReturnType<Post['at']> =>
      post.over(list, 'author', ...args)
    const write = async (text: string): Promise<Date> => {
      const written = await author('pub', 'author/news', text, '--epoch', EPOCH)
      expect(written).toMatchObject({ status: 0 })
      return new Date()
    }
    const first = await write('of September')
    await pastEpoch(first)
    const granted = new Date()
    await write('of October')
    const grant = ['--stream', 'author/news', '--from']
    const members = [
      await author('grant', 'desk', ...grant, '1h ago', '--out', 'desk.grant'),
      await author('grant', 'newcomer', ...grant, granted.toISOString(), '--out', 'newcomer.grant'),
    ]
    for (const member of members) expect(member).toMatchObject({ status: 0 })
    for (const name of ['desk', 'newcomer']) await post.office.in(name, 'take', `${name}.grant`)

    const member = await post.at('desk', 'mail', 'fetch')
    expect(member.stdout).toMatch(/of September[^]*of October/)

    await post.office.in('newcomer', 'config', 'set', 'username', post.mailbox('archive'))
    const archive = ['mail', 'fetch', '--since', '1h ago', '--folder', 'INBOX']
    for (let time = 0; time < 2; time++) {
      const read = await post.at('newcomer', ...archive)
      expect(read.stdout).toContain('of October')
      expect(read.stdout).not.toContain('of September')
      expect(read.stderr).toContain('1 message without a key')
    }
    // What was asked for is more than what was granted: the answer gives that again, and no more.
    const asked = await post.at('author', 'mail', 'fetch')
    expect(asked.stderr).toContain('Granted: newcomer may read author/news')
    const answer = post.account('newcomer')
    await post.office.in('newcomer', 'config', 'set', 'username', post.mailbox('newcomer'))
    expect((await post.over(answer, 'newcomer', 'mail', 'fetch')).stderr).toContain('acted on')
    await post.office.in('newcomer', 'config', 'set', 'username', post.mailbox('archive'))
    expect((await post.at('newcomer', ...archive)).stdout).not.toContain('of September')
  })
})

/** Waits until no epoch of before that time runs any more. */
async function pastEpoch(time: Date): Promise<void> {
  const until = time.getTime() + 4000
  await expect.poll(() => Date.now(), { timeout: 10_000 }).toBeGreaterThan(until)
}
