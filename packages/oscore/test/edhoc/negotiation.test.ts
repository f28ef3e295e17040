// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { fromHex, toHex } from '@waxwing/core'
import { describe, expect, it } from 'vitest'
import {
  decodeErrorMessage,
  encodeErrorMessage,
  type Message2Outcome,
  receiveMessage1,
  startInitiator,
  type SuiteId,
} from '../../src/edhoc/index.js'
import { decodeMessage1, encodeMessage1 } from '../../src/edhoc/messages.js'
import { describePublished } from '../support/published.js'
import { replyOf, thrownBy } from './failures.js'
import { RFC_9529, type Rfc9529, valueOf } from './trace.js'
import { C_R, exchange, SUITES, worldOf } from './world.js'

const someSuites = fc.shuffledSubarray([...SUITES], { minLength: 1 })

/** The Responder's error message, if it has one. */
function answerTo(message1: Uint8Array, suites: readonly SuiteId[]): Uint8Array | undefined {
  const { responder } = worldOf()
  try {
    receiveMessage1({ ...responder, suites }, message1)
    return undefined
  } catch (error) {
    return replyOf(error)
  }
}

interface Tried {
  readonly suitesI: readonly number[]
  readonly outcome: Message2Outcome | undefined
}

/** One message_1, and what its Initiator makes of an error in return. */
async function attempt(
  suites: readonly SuiteId[],
  ofResponder: readonly SuiteId[],
  suitesR?: readonly number[],
): Promise<Tried> {
  const { initiator } = worldOf()
  const { message1, waiting } = startInitiator({ ...initiator, suites, suitesR })
  const { suitesI } = decodeMessage1(message1)
  const answer = answerTo(message1, ofResponder)
  return { suitesI, outcome: answer && (await waiting.receive(answer)) }
}

describe('a cipher suite', () => {
  it('is the most preferred one of the Initiator that both have, after two tries at the most', async () => {
    await fc.assert(
      fc.asyncProperty(someSuites, someSuites, async (suites, ofResponder) => {
        const common = suites.find((id) => ofResponder.includes(id))
        const first = await attempt(suites, ofResponder)
        expect(first.suitesI).toEqual([suites[0]])
        if (common === suites[0]) {
          expect(first.outcome).toBeUndefined()
          return
        }
        expect(first.outcome).toMatchObject({ kind: 'error', error: { kind: 'wrong-suite' } })
        const retryWith = first.outcome?.kind === 'error' ? first.outcome.retryWith : undefined
        expect(retryWith).toEqual(common === undefined ? undefined : ofResponder)
        if (common === undefined) return
        const second = await attempt(suites, ofResponder, retryWith)
        expect(second.suitesI).toEqual(suites.slice(0, suites.indexOf(common) + 1))
        expect(second.outcome).toBeUndefined()
      }),
      { numRuns: 100 },
    )
  })

  it('goes through a whole exchange after it was negotiated', async () => {
    const world = worldOf()
    const initiator = { ...world.initiator, suites: [0, 1, 2] as const, suitesR: [3, 2] }
    const { messages, responder } = await exchange({
      initiator,
      responder: { ...world.responder, suites: [2, 3] },
    })
    expect(decodeMessage1(messages.message1).suitesI).toEqual([0, 1, 2])
    expect(responder.suite.id).toBe(2)
  })

  it('that a forged error talked the Initiator into is refused by the Responder', async () => {
    const { suitesI, outcome } = await attempt([0, 2], [0, 2], [2])
    expect(suitesI).toEqual([0, 2])
    expect(outcome).toMatchObject({ retryWith: [0, 2] })
  })

  it('is not asked for again if the error names what was tried, or nothing that there is', async () => {
    const { initiator } = worldOf()
    for (const suitesR of [[2], [0, 2], [25, -24], [2, 3]]) {
      const { waiting } = startInitiator({ ...initiator, suites: [2, 3] })
      const outcome = await waiting.receive(encodeErrorMessage({ kind: 'wrong-suite', suitesR }))
      expect(outcome).toEqual({ kind: 'error', error: { kind: 'wrong-suite', suitesR } })
    }
  })

  it('cannot be agreed on with a Responder that has none in common', () => {
    const { initiator } = worldOf()
    expect(() => startInitiator({ ...initiator, suites: [2, 3], suitesR: [0, 1] })).toThrow(
      expect.objectContaining({ code: 'ERR_UNSUPPORTED' }),
    )
  })

  it('that somebody on the way took from message_1 makes the exchange fail', async () => {
    const world = worldOf()
    const initiator = { ...world.initiator, suites: [0, 2] as const, suitesR: [2] }
    const responder = { ...world.responder, suites: [0, 2] as const }
    const onItsWay = (number: number, bytes: Uint8Array): Uint8Array =>
      number === 1 ? encodeMessage1({ ...decodeMessage1(bytes), suitesI: [2] }) : bytes
    await expect(exchange({ initiator, responder }, { onItsWay })).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_(MALFORMED|NOT_AUTHENTIC|KEY_UNKNOWN)$/) as string,
    })
  })

  it('may be one that is not known here, as long as it is not selected', () => {
    const { initiator, responder } = worldOf()
    const message = decodeMessage1(startInitiator(initiator).message1)
    const known = encodeMessage1({ ...message, suitesI: [25, -21, 2] })
    const { suite } = receiveMessage1(responder, known)
    expect(suite.id).toBe(2)
    for (const suitesI of [[2, 25], [25], [2, 2], [0, 1, 3]]) {
      const unknown = encodeMessage1({ ...message, suitesI })
      expect(toHex(replyOf(thrownBy(() => receiveMessage1(responder, unknown)))!)).toBe('0202')
    }
  })
})

describePublished<Rfc9529>('the negotiation of RFC 9529', RFC_9529, ({ traces }) => {
  const trace = traces[1]!

  it('is answered byte for byte', () => {
    const message1 = valueOf(trace, 'message_1_first', 'message_1')
    const answer = answerTo(message1, [2])
    expect(answer).toEqual(valueOf(trace, 'error', 'error'))
    const suitesR = valueOf(trace, 'error', 'SUITES_R')
    expect(decodeErrorMessage(answer!)).toEqual({ kind: 'wrong-suite', suitesR: [suitesR[0]] })
  })

  it('goes on with a message_1 that the same Responder accepts', () => {
    const message1 = valueOf(trace, 'message_1', 'message_1')
    expect(answerTo(message1, [2])).toBeUndefined()
    const decoded = decodeMessage1(message1)
    expect(decoded).toMatchObject({ method: 3, suitesI: [6, 2], cI: fromHex('37') })
    expect(encodeMessage1(decoded)).toEqual(message1)
    expect(C_R).toEqual(valueOf(trace, 'message_2', 'C_R'))
  })
})
