// SPDX-License-Identifier: Apache-2.0
import {
  authenticate,
  decodeMessage,
  fromHex,
  signMessage,
  toHex,
  verifyDenialProof,
  verifyEnrol,
  type CryptoProvider,
  type DecodedMessage,
} from '@waxwing/core'
import { describe, expect, it } from 'vitest'
import { seedOf } from '../../../../tools/vectors/frozen/primitives.ts'
import { providers } from '../crypto/providers.js'
import { hexed, said } from '../support/hexed.js'
import {
  bytes,
  expectResults,
  nameOf,
  trustIn,
  vectorsOf,
  type VectorCase,
} from '../support/vectors.js'

interface MessageCase extends VectorCase {
  readonly bundle: string
  readonly recipient: string | null
  readonly now: number
  readonly message: string
  readonly body?: object
}

/** Who wrote the valid messages of each file. */
const FILES = {
  requests: 'desk',
  'grant-messages': 'plant',
  denials: 'plant',
  acks: 'keeper',
  revocations: 'keeper',
  enrolments: 'newcomer',
} as const

describe.each(Object.entries(FILES))('the vectors of %s', (name, author) => {
  const tests = vectorsOf<MessageCase>(name)

  it.each(providers)('are heard, or refused, as they say, with the $name provider', (crypto) => {
    expectResults(tests, (test) => {
      const message = decodeMessage(crypto, fromHex(test.message))
      check(crypto, message, test)
      const { statement, envelope, body, author: id, digest } = message
      const found = hexed({ author: id, envelope, body, payload: statement.payload, digest })
      expect(found).toMatchObject(said(test, ['bundle', 'recipient', 'now', 'message']))
    })
  })

  it.each(providers)('are signed byte for byte with the $name provider', (crypto) => {
    for (const test of tests.filter(({ body }) => body !== undefined)) {
      const { type, envelope, body, author: id } = decodeMessage(crypto, fromHex(test.message))
      const isDelegate = test.comment === 'by a delegate'
      const key = crypto.ed25519SigningKey(seedOf(isDelegate ? 'keeper' : author))
      const recipient = bytes(test.recipient) ?? null
      const signed = signMessage({ type, envelope, body, author: id, key, recipient })
      expect(toHex(signed), nameOf(test)).toBe(test.message)
    }
  })
})

/** Everything that a recipient checks before it acts upon a message. */
function check(crypto: CryptoProvider, message: DecodedMessage, test: MessageCase): void {
  const { now, bundle } = test
  if (message.type === 'enrol') {
    verifyEnrol(crypto, message, now)
    return
  }
  const trust = trustIn(crypto, bundle)
  const recipient = bytes(test.recipient) ?? null
  const verified = authenticate(message, { trust, recipient, now })
  if (verified.type === 'denial') verifyDenialProof(verified, { crypto, trust, now })
}
