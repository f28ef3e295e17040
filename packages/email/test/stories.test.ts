// SPDX-License-Identifier: Apache-2.0
/** The stories by e-mail: everybody has a mailbox, and each mail goes to all but who is known. */
import { emailTransport, readMail } from '@waxwing/email'
import { dovecotAvailable, requireOrSkip } from '@waxwing/testkit'
import { describeStories, type Net } from '@waxwing/testkit/stories'
import { imapOf, mailboxOf, openSinkPost } from './post.js'

requireOrSkip('dovecot', dovecotAvailable())('e-mail', () => {
  describeStories('e-mail', openNet)
})

async function openNet(): Promise<Net> {
  const post = await openSinkPost()
  const mailboxes = new Set([mailboxOf('recovery')]) // it is written to before it first connects
  return {
    async transport(name) {
      const user = name.replaceAll(' ', '-')
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
      post.sink.mails.flatMap(({ bytes }) =>
        readMail(bytes).items.map(({ address = '', payload }) => ({ address, payload })),
      ),
    close: () => post.close(),
  }
}
