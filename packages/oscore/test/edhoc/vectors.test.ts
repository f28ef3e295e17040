// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs'
import { decodeCbor, fromHex, toHex, WaxwingError } from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import { loadVectors } from '@waxwing/testkit'
import { describe, expect, it } from 'vitest'
import { edhocVectors } from '../../../../tools/vectors/edhoc/cases.ts'
import { formatVectors } from '../../../../tools/vectors/frozen/vector-file.ts'
import { eadFromCbor } from '../../src/edhoc/ead.js'
import {
  type EadItem,
  type EdhocCredential,
  EdhocKey,
  type EdhocKeyKind,
  type EdhocPublicKey,
  type EdhocSession,
  type IdCred,
  type Method,
  receiveMessage1,
  startInitiator,
  type SuiteId,
} from '../../src/edhoc/index.js'
import { encodeIdCred, idCredFromPlaintext } from '../../src/edhoc/id-cred.js'
import { decodeSequence } from '../../src/edhoc/sequence.js'
import { type Recording, recording } from './recording.js'
import { complete, METHODS } from './world.js'

interface KnownCredential {
  readonly idCred: string
  readonly cred: string
  readonly curve: EdhocPublicKey['curve']
  readonly x: string
  readonly y?: string
}

interface Case {
  readonly id: number
  readonly comment: string
  readonly result: string
  readonly end: 'initiator' | 'responder'
  readonly method: Method
  readonly suite: SuiteId
  readonly ephemeral: string
  readonly connectionId: string
  /** EAD_1 and EAD_3, or EAD_2. */
  readonly ead: readonly string[]
  readonly own: KnownCredential & { readonly kind: EdhocKeyKind; readonly secretKey: string }
  readonly known: readonly KnownCredential[]
  readonly received: readonly string[]
  readonly sent: readonly string[]
  readonly values?: Readonly<Record<string, string>>
}

/** What came of a case that was accepted. */
interface Accepted {
  readonly recorded: Recording
  readonly sent: readonly Uint8Array[]
  readonly session?: EdhocSession
}

const tests = loadVectors<Case>('edhoc')

function idCredOf(hex: string): IdCred {
  const header = decodeCbor(fromHex(hex), 'ID_CRED') as ReadonlyMap<number, Uint8Array>
  const kid = header.get(4)
  return kid === undefined ? idCredFromPlaintext(header, 'ID_CRED') : { kind: 'kid', kid }
}

function credentialOf({ cred, curve, x, y }: KnownCredential): EdhocCredential {
  const publicKey = { curve, x: fromHex(x), y: y === undefined ? undefined : fromHex(y) }
  return { encoded: fromHex(cred), publicKey }
}

/** What both roles take of a case. */
function endpointOf(test: Case, { crypto }: Recording): Parameters<typeof receiveMessage1>[0] {
  const { own, known, suite } = test
  const key = new EdhocKey(crypto, own.kind, fromHex(own.secretKey))
  return {
    crypto,
    suites: [suite],
    credentials: [{ key, idCred: idCredOf(own.idCred), credential: credentialOf(own) }],
    resolve: (idCred) => {
      const found = known.find((each) => each.idCred === toHex(encodeIdCred(idCred)))
      return found && credentialOf(found)
    },
    methods: METHODS,
  }
}

function eadOf(hex: string): readonly EadItem[] {
  return eadFromCbor(decodeSequence(fromHex(hex), 'EAD'), 'EAD')
}

async function runInitiator(test: Case, recorded: Recording): Promise<Accepted> {
  const [message2, message4] = test.received.map(fromHex)
  const [ead1, ead3] = test.ead.map(eadOf)
  const { message1, waiting } = startInitiator({
    ...endpointOf(test, recorded),
    method: test.method,
    connectionId: fromHex(test.connectionId),
    ead1,
  })
  const outcome = await waiting.receive(message2!)
  if (outcome.kind !== 'proven') throw new Error('an error message')
  const { message3, session } = outcome.responder.message3(ead3)
  if (message4 === undefined) return { recorded, sent: [message1] }
  session.receiveMessage4(message4)
  return { recorded, sent: [message1, message3], session }
}

async function runResponder(test: Case, recorded: Recording): Promise<Accepted> {
  const [message1, message3] = test.received.map(fromHex)
  const accepted = receiveMessage1(endpointOf(test, recorded), message1!)
  if (message3 === undefined) return { recorded, sent: [] }
  const answer = accepted.message2({
    connectionId: fromHex(test.connectionId),
    ead2: eadOf(test.ead[0]!),
  })
  const { session } = await complete(answer.waiting, message3)
  return { recorded, sent: [answer.message2], session }
}

async function run(test: Case): Promise<Accepted> {
  const recorded = recording(nodeProvider, fromHex(test.ephemeral))
  return test.end === 'initiator' ? runInitiator(test, recorded) : runResponder(test, recorded)
}

async function outcomeOf(test: Case): Promise<string> {
  try {
    await run(test)
    return 'valid'
  } catch (error) {
    if (!(error instanceof WaxwingError)) throw error
    return error.code
  }
}

describe('vectors/edhoc.json', () => {
  it('is made byte for byte as it was', () => {
    const url = new URL('../../../../vectors/edhoc.json', import.meta.url)
    expect(formatVectors(edhocVectors())).toBe(readFileSync(url, 'utf8'))
  })

  it('ends as it says, case by case', async () => {
    for (const test of tests) {
      expect(await outcomeOf(test), `case ${test.id}: ${test.comment}`).toBe(test.result)
    }
  })

  it('has the messages and the intermediate values of what is accepted', async () => {
    let seenCount = 0
    for (const test of tests.filter(({ result }) => result === 'valid')) {
      const what = `case ${test.id}: ${test.comment}`
      const { recorded, sent, session } = await run(test)
      expect(sent.map(toHex), what).toEqual(test.sent)
      if (session === undefined) continue
      const { masterSecret, masterSalt } = session.oscore()
      const { plaintext2: _, ...values } = test.values!
      expect([masterSecret, masterSalt].map(toHex)).toEqual([
        values['masterSecret'],
        values['masterSalt'],
      ])
      for (const [name, hex] of Object.entries(values)) {
        expect(recorded.seen.has(hex), `${what}: ${name}`).toBe(true)
        seenCount += 1
      }
    }
    expect(seenCount).toBeGreaterThan(100)
  })
})
