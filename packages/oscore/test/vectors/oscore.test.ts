// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs'
import {
  type AeadAlgorithm,
  type CryptoProvider,
  fromHex,
  toHex,
  WaxwingError,
} from '@waxwing/core'
import { describe, expect, it } from 'vitest'
import { formatVectors } from '../../../../tools/vectors/frozen/vector-file.ts'
import { oscoreVectors } from '../../../../tools/vectors/oscore/cases.ts'
import {
  ClientExchange,
  constructNonce,
  decodeCoap,
  decodeOscoreOption,
  encodeCoap,
  encodeOscoreOption,
  formatOscoreField,
  parseOscoreField,
  type SecurityContext,
  unprotectRequest,
  unprotectResponse,
} from '../../src/index.js'
import { freshContext, only } from '../support/contexts.js'
import { providersOf } from '../support/providers.js'

interface Case {
  readonly id: number
  readonly comment: string
  readonly kind: 'option' | 'message' | 'request' | 'response' | 'http'
  /** `valid`, or the code of the error. */
  readonly result: string
}

interface OptionCase extends Case {
  readonly value: string
  readonly partialIv?: string
  readonly kid?: string
  readonly kidContext?: string
}

interface MessageCase extends Case {
  readonly bytes: string
  readonly code: number
  readonly options: readonly (readonly [number, string])[]
  readonly payload: string
}

interface ContextFields {
  readonly algorithm: AeadAlgorithm
  readonly masterSecret: string
  readonly masterSalt: string
  readonly idContext?: string
  readonly senderId: string
  readonly recipientId: string
}

interface ExchangeCase extends Case {
  readonly context: ContextFields
  readonly before?: readonly string[]
  readonly message: string
  readonly request?: string
  readonly response?: string
  readonly requestPartialIv?: string
  readonly isRegistration?: boolean
}

interface HttpCase extends Case {
  readonly field: string
  readonly value: string
}

const text = readFileSync(new URL('../../../../vectors/oscore.json', import.meta.url), 'utf8')
const { tests } = JSON.parse(text) as { readonly tests: readonly Case[] }
const ofKind = <T extends Case>(kind: Case['kind']): readonly T[] =>
  tests.filter((test): test is T => test.kind === kind)

it('the vectors of OSCORE are made byte for byte as they were', () => {
  expect(formatVectors(oscoreVectors())).toBe(text)
})

it('the vectors of OSCORE have good and bad cases of every kind', () => {
  for (const kind of ['option', 'message', 'request', 'response', 'http'] as const) {
    const results = new Set(ofKind(kind).map(({ result }) => result === 'valid'))
    expect(results, kind).toEqual(new Set([true, false]))
  }
})

describe('the vectors of OSCORE', () => {
  it.each(ofKind<OptionCase>('option'))('$id: an option, $comment', (test) => {
    expectResult(test, () => {
      const parts = decodeOscoreOption(fromHex(test.value))
      const { partialIv, kid, kidContext } = test
      expect(hexesOf(parts)).toEqual({ partialIv, kid, kidContext })
      expect(toHex(encodeOscoreOption(parts))).toBe(test.value)
    })
  })

  it.each(ofKind<MessageCase>('message'))('$id: a message, $comment', (test) => {
    expectResult(test, () => {
      const message = decodeCoap(fromHex(test.bytes))
      const options = message.options.map(({ number, value }) => [number, toHex(value)])
      expect({ ...message, options, payload: toHex(message.payload) }).toEqual({
        code: test.code,
        options: test.options,
        payload: test.payload,
      })
      expect(toHex(encodeCoap(message))).toBe(test.bytes)
    })
  })

  it.each(ofKind<HttpCase>('http'))('$id: a header field, $comment', (test) => {
    expectResult(test, () => {
      expect(toHex(parseOscoreField(test.field))).toBe(test.value)
      expect(formatOscoreField(fromHex(test.value))).toBe(test.field)
    })
  })

  it.each(ofKind<ExchangeCase>('request'))('$id: a request, $comment', (test) => {
    for (const crypto of providersOf(test.context.algorithm)) {
      const server = contextOf(test, crypto)
      const read = (hex: string): string => {
        const received = unprotectRequest(only(server), decodeCoap(fromHex(hex)))
        if (received.kind !== 'accepted') throw new Error(received.kind)
        return toHex(encodeCoap(received.request))
      }
      for (const hex of test.before ?? []) read(hex)
      expectResult(test, () => expect(read(test.message)).toBe(test.request))
    }
  })

  it.each(ofKind<ExchangeCase>('response'))('$id: a response, $comment', (test) => {
    for (const crypto of providersOf(test.context.algorithm)) {
      const exchange = exchangeOf(test, crypto)
      const read = (hex: string): string =>
        toHex(encodeCoap(unprotectResponse(exchange, decodeCoap(fromHex(hex)))))
      for (const hex of test.before ?? []) read(hex)
      expectResult(test, () => expect(read(test.message)).toBe(test.response))
    }
  })
})

function expectResult({ result }: Case, run: () => void): void {
  if (result === 'valid') return run()
  let caught: unknown
  try {
    run()
  } catch (error) {
    caught = error
  }
  expect(caught).toBeInstanceOf(WaxwingError)
  expect(caught).toHaveProperty('code', result)
}

function contextOf({ context }: ExchangeCase, crypto: CryptoProvider): SecurityContext {
  const { algorithm, masterSecret, masterSalt, idContext, senderId, recipientId } = context
  const input = {
    algorithm,
    masterSecret: fromHex(masterSecret),
    masterSalt: fromHex(masterSalt),
    idContext: idContext === undefined ? undefined : fromHex(idContext),
    senderId: fromHex(senderId),
    recipientId: fromHex(recipientId),
  }
  return freshContext(input, crypto)
}

/** As it would be after the request was sent. */
function exchangeOf(test: ExchangeCase, crypto: CryptoProvider): ClientExchange {
  const context = contextOf(test, crypto)
  const kid = context.sender.senderId
  const partialIv = fromHex(test.requestPartialIv!)
  const nonce = constructNonce({ commonIv: context.common.commonIv, idPiv: kid, partialIv })
  const { isRegistration = false } = test
  return new ClientExchange(context, { kid, partialIv, nonce }, { isRegistration })
}

function hexesOf(parts: object): object {
  const entries = Object.entries(parts as Record<string, Uint8Array | undefined>)
  return Object.fromEntries(entries.map(([name, value]) => [name, value && toHex(value)]))
}
