// SPDX-License-Identifier: Apache-2.0
/** The contract over an SMTP server that delivers at once, and Dovecot. */
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { describeTransport, dovecotAvailable, requireOrSkip } from '@waxwing/testkit'
import { ContractEndpoints } from './contract-endpoints.js'
import { openSinkPost, type SinkPost } from './post.js'

const MAX_UNACKNOWLEDGED = 16

requireOrSkip('dovecot', dovecotAvailable())('e-mail', () => {
  let post: SinkPost

  beforeAll(async () => {
    post = await openSinkPost()
  })

  afterAll(() => post.close())

  describeTransport(
    'e-mail',
    async () => {
      const endpoints = new ContractEndpoints({
        dovecot: post.dovecot,
        smtpPort: post.sink.port,
        options: { maxUnacknowledged: MAX_UNACKNOWLEDGED },
      })
      onTestFinished(() => endpoints.close())
      return {
        ...endpoints.fixture(),
        maxUnacknowledged: MAX_UNACKNOWLEDGED,
        async restart(meanwhile) {
          await post.dovecot.stop()
          await meanwhile()
          await post.dovecot.start()
        },
      }
    },
    {
      retained: 'a mail replaces no other mail',
      properties: 'relays keep no fields of parts that they do not know',
      redelivered: 'a mailbox does not tell another process what was fetched before',
      groups: 'a mailbox gives no mail to one of several readers alone',
      'bound-acknowledgement':
        'what is settled when the connection breaks is settled over the next one',
    },
  )
})
