// SPDX-License-Identifier: Apache-2.0
/** The contract over an SMTP server that delivers at once, and Dovecot. Its chapters are several files. */
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import {
  describeTransportParts,
  dovecotAvailable,
  requireOrSkip,
  type TransportFeatures,
  type TransportPart,
} from '@waxwing/testkit'
import { ContractEndpoints } from './contract-endpoints.js'
import { openSinkPost, type SinkPost } from './post.js'

const MAX_UNACKNOWLEDGED = 16

/** What mail cannot do. */
export const MISSING: TransportFeatures = {
  retained: 'a mail replaces no other mail',
  properties: 'relays keep no fields of parts that they do not know',
  redelivered: 'a mailbox does not tell another process what was fetched before',
  groups: 'a mailbox gives no mail to one of several readers alone',
  'bound-acknowledgement':
    'what is settled when the connection breaks is settled over the next one',
}

export function describeContract(parts: readonly TransportPart[]): void {
  requireOrSkip('dovecot', dovecotAvailable())('e-mail', () => {
    let post: SinkPost

    beforeAll(async () => {
      post = await openSinkPost()
    })

    afterAll(() => post.close())

    describeTransportParts(
      'e-mail',
      parts,
      async () => {
        const { dovecot, sink } = post
        const options = { maxUnacknowledged: MAX_UNACKNOWLEDGED }
        const endpoints = new ContractEndpoints({ dovecot, smtpPort: sink.port, options })
        onTestFinished(() => endpoints.close())
        return {
          ...endpoints.fixture(),
          maxUnacknowledged: MAX_UNACKNOWLEDGED,
          floodCount: 5 * MAX_UNACKNOWLEDGED, // four times as many control messages may be in hand
          async restart(meanwhile) {
            await dovecot.stop()
            await meanwhile()
            await dovecot.start()
          },
        }
      },
      MISSING,
    )
  })
}
