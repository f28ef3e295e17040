// SPDX-License-Identifier: Apache-2.0
/** The stories by e-mail: everybody has a mailbox, and each mail goes to all but who is known. */
import { afterAll, beforeAll } from 'vitest'
import { emailTransport, readMail } from '@waxwing/email'
import { dovecotAvailable, requireOrSkip } from '@waxwing/testkit'
import { describeStories, type Net } from '@waxwing/testkit/stories'
import { imapOf, mailboxOf, openSinkPost, type SinkPost } from './post.js'

/** One post office for all stories: each has users of its own. */
let post: SinkPost
let stories = 0

requireOrSkip('dovecot', dovecotAvailable())('e-mail', () => {
  beforeAll(async () => {
    post = await openSinkPost()
  })

  afterAll(() => post.close())

  describeStories('e-mail', openNet)
})

async function openNet(): Promise<Net> {
  const story = stories++
  const userOf = (name: string): string => `${name.replaceAll(' ', '-')}-${story}`
  const mailboxes = new Set([mailboxOf(userOf('recovery'))]) // it is written to before it first connects
  const begin = post.sink.mails.length
  return {
    async transport(name) {
      const user = userOf(name)
      mailboxes.add(mailboxOf(user))
      return emailTransport({
        imap: imapOf(post.dovecot, user),
        smtp: { url: post.sink.url },
        from: mailboxOf(user),
        routes: () => [...mailboxes],
        answerSeconds: 0,
      })
    },
    carried: () =>
      post.sink.mails
        .slice(begin)
        .flatMap(({ bytes }) =>
          readMail(bytes).items.map(({ address = '', payload }) => ({ address, payload })),
        ),
    close: async () => undefined,
  }
}
