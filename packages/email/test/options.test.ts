// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { emailTransport, openMailbox, openMailer, type EmailTransportOptions } from '@waxwing/email'

const SMTP = { url: 'smtps://mail.example.test' }
const IMAP = { url: 'imaps://mail.example.test', username: 'a', password: 'b' }
const FROM = 'a@example.test'

/** An option, and what is said of it. */
const WRONG: readonly (readonly [Partial<EmailTransportOptions>, RegExp])[] = [
  [{}, /pass smtp, imap or both/],
  [{ smtp: SMTP }, /smtp needs from/],
  [{ smtp: SMTP, from: 'nobody' }, /from must be a mailbox/],
  [{ smtp: SMTP, from: 'a@b.test\r\nX: y' }, /from must be a mailbox/],
  [{ smtp: { url: 'imaps://mail' }, from: FROM }, /smtp\.url must begin with smtps:\/\//],
  [{ smtp: { url: 'smtps://a:b@mail' }, from: FROM }, /must not contain credentials/],
  [{ smtp: { url: 'smtps://mail/path' }, from: FROM }, /must have no path/],
  [{ smtp: { ...SMTP, username: 'a' }, from: FROM }, /smtp needs a username with/],
  [{ smtp: { ...SMTP, password: 'a' }, from: FROM }, /smtp needs a username with/],
  [{ smtp: { ...SMTP, allowPlaintext: true }, from: FROM }, /allowPlaintext contradicts the url/],
  [
    { smtp: { url: 'smtp://mail', tls: {}, allowPlaintext: true }, from: FROM },
    /allowPlaintext contradicts tls/,
  ],
  [{ imap: { url: 'imaps://mail' } }, /imap\.username must be given/],
  [{ imap: { ...IMAP, accessToken: 'c' } }, /imap needs a username with/],
  [{ imap: IMAP, afterwards: 'forget' as 'flag' }, /afterwards must be/],
  [{ imap: IMAP, keyword: '\\Seen' }, /keyword must be an atom/],
  [{ imap: IMAP, keyword: 'a b' }, /keyword must be an atom/],
  [{ imap: IMAP, folder: 'a//b' }, /folder must be levels/],
  [{ imap: IMAP, folder: 'Waxwing/Done' }, /must be other folders/],
  [{ imap: IMAP, idleSeconds: 1_800 }, /idleSeconds must be an integer/],
  [{ imap: IMAP, maxDepth: 0 }, /maxDepth must be an integer/],
  [{ imap: IMAP, maxPeers: 17 }, /maxPeers must be an integer/],
  [{ imap: IMAP, routes: { 'a/#/b': FROM } }, /wildcard within a level/],
  [{ imap: IMAP, routes: { '$share/g/a': FROM } }, /must not be shared/],
  [{ imap: IMAP, routes: { a: [] } }, /routes\['a'\] must not be empty/],
  [{ imap: IMAP, routes: { a: 'nobody' } }, /routes\['a'\] must be a mailbox/],
  [{ imap: IMAP, mailboxes: { short: FROM } }, /by principal id in base64url/],
]

describe('the options of e-mail', () => {
  it.each(WRONG)('refuse %j', (options, said) => {
    expect(() => emailTransport(options)).toThrow(said)
  })

  it('are checked for mailers and mailboxes as well', () => {
    expect(() => openMailer({ smtp: SMTP, from: FROM, inbox: 'plant/1' })).toThrow(/inbox must be/)
    expect(() => openMailer({ smtp: SMTP, from: FROM, maxConnections: 17 })).toThrow(RangeError)
    expect(() => openMailbox({ imap: IMAP, maxMailBytes: 1 })).toThrow(RangeError)
  })
})
