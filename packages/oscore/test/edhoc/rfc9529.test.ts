// SPDX-License-Identifier: Apache-2.0
import { toHex } from '@waxwing/core'
import { beforeAll, expect, it } from 'vitest'
import { describePublished } from '../support/published.js'
import { cipherSuite } from '../../src/edhoc/cipher-suites.js'
import { KeySchedule } from '../../src/edhoc/key-schedule.js'
import {
  AwaitingMessage2,
  type OscoreParameters,
  receiveMessage1,
  type StartedInitiator,
  startInitiator,
} from '../../src/edhoc/index.js'
import { RFC_9529, type Rfc9529, type Stage, stageOf, type Trace, valueOf } from './trace.js'

interface Played {
  readonly trace: Trace
  readonly stage: Stage
  readonly messages: Readonly<Record<string, Uint8Array>>
  /** After a key update. */
  readonly ofInitiator: OscoreParameters
  readonly ofResponder: OscoreParameters
}

/** What is part of something else, and never seen alone; so are all encoded items. */
const PARTS: ReadonlySet<string> = new Set([
  'EAD_1',
  'EAD_2',
  'EAD_3',
  'C_I',
  'C_R',
  'CRED_R',
  'CRED_I',
  'context_2',
  'context_3',
  'PLAINTEXT_2',
  'CIPHERTEXT_2',
  'PK_R_y',
  'PK_I_y',
  'context',
  'client_OSCORE_sender_id',
  'server_OSCORE_sender_id',
])

/** What nobody sends: the message that was refused has a test of its own. */
const UNSEEN: ReadonlySet<string> = new Set(['G_X_y', 'G_Y_y'])
const OTHER_STEPS: ReadonlySet<string> = new Set(['message_1_first', 'error'])

/**
 * Begins a trace. The second one's Initiator has suite 6 as well, which is not offered here: its
 * message_1 is taken as it is.
 */
function begin(trace: Trace, { initiator, ofInitiator }: Stage): StartedInitiator {
  const started = startInitiator(initiator)
  if (trace.cipherSuite === 0) return started
  const { crypto } = initiator
  const suite = cipherSuite(trace.cipherSuite)!
  const run = {
    options: initiator,
    suite,
    own: initiator.credentials[0]!,
    schedule: new KeySchedule(crypto),
  }
  const message1 = valueOf(trace, 'message_1', 'message_1')
  ofInitiator.seen.add(toHex(message1))
  const ephemeral = crypto.ecdh.p256.importSecretKey(valueOf(trace, 'message_1', 'X'))
  return { message1, waiting: new AwaitingMessage2(run, ephemeral, message1) }
}

async function play(trace: Trace): Promise<Played> {
  const stage = stageOf(trace)
  const { message1, waiting } = begin(trace, stage)
  const accepted = receiveMessage1(stage.responder, message1)
  const answer = accepted.message2({ connectionId: stage.cR })
  const outcome2 = await waiting.receive(answer.message2)
  if (outcome2.kind !== 'proven') throw new Error('not proven')
  const { message3, session: initiator } = outcome2.responder.message3()
  const outcome3 = await answer.waiting.receive(message3)
  if (outcome3.kind !== 'completed') throw new Error('not completed')
  const responder = outcome3.session
  const message4 = responder.message4()
  expect(initiator.receiveMessage4(message4)).toEqual({ kind: 'confirmed', ead: [] })
  const [ofInitiator, ofResponder] = [initiator, responder].map((session) => {
    session.oscore()
    session.keyUpdate(valueOf(trace, 'key_update', 'context'))
    return session.oscore()
  })
  const { message2 } = answer
  const messages = {
    message_1: message1,
    message_2: message2,
    message_3: message3,
    message_4: message4,
  }
  return { trace, stage, messages, ofInitiator: ofInitiator!, ofResponder: ofResponder! }
}

describePublished<Rfc9529>('the traces of RFC 9529', RFC_9529, ({ traces }) => {
  let played: readonly Played[]
  beforeAll(async () => {
    played = await Promise.all(traces.map(play))
  })

  it('are played message by message', () => {
    for (const { trace, messages } of played) {
      for (const [name, message] of Object.entries(messages)) {
        expect(toHex(message), `${trace.id} ${name}`).toBe(toHex(valueOf(trace, name, name)))
      }
    }
  })

  it('are all there: every value goes through a provider, alone or in something else', () => {
    for (const { trace, stage, messages } of played) {
      const sent = Object.values(messages).map(toHex)
      const seen = new Set([...stage.ofInitiator.seen, ...stage.ofResponder.seen, ...sent])
      const everything = [...seen].join(' ')
      const missing = valuesOf(trace).filter(({ name, isEncoded, hex }) =>
        isEncoded || PARTS.has(name) ? !everything.includes(hex) : !seen.has(hex),
      )
      expect(missing, trace.id).toEqual([])
    }
    expect(played.map(({ trace }) => valuesOf(trace).length)).toEqual([96, 98])
  })

  it('give the same keys to both ends, before and after an update', () => {
    for (const { trace, ofInitiator, ofResponder } of played) {
      const [client, server] = ['client', 'server'].map((side) =>
        valueOf(trace, 'oscore', `${side}_OSCORE_sender_id`),
      )
      expect(ofInitiator).toMatchObject({ senderId: client, recipientId: server })
      expect(ofResponder).toEqual({ ...ofInitiator, senderId: server, recipientId: client })
      const { application_aead: algorithm, application_hash: hash } = trace.steps['oscore']!
      expect(ofInitiator).toMatchObject({ algorithm, hash })
      for (const [name, ours] of [
        ['OSCORE_master_secret', ofInitiator.masterSecret],
        ['OSCORE_master_salt', ofInitiator.masterSalt],
      ] as const) {
        expect(ours).toEqual(valueOf(trace, 'key_update', name))
      }
    }
  })

  it('are certificates that hold the keys with which the first is played', () => {
    const { certificates, steps } = traces[0]!
    for (const [side, { publicKey, serial, signature }] of Object.entries(certificates!)) {
      if (side === 'root') continue
      const [step, name] = side === 'initiator' ? ['message_3', 'I'] : ['message_2', 'R']
      const certificate = steps[step]![`CRED_${name}`]!.raw
      for (const part of [publicKey, serial, signature]) expect(certificate).toContain(part)
    }
  })

  it('take 101 bytes in all with static Diffie-Hellman keys and key identifiers', () => {
    const { messages } = played[1]!
    const lengths = ['message_1', 'message_2', 'message_3'].map((name) => messages[name]!.length)
    // The published message_1 names suite 6 as well, in an array: two bytes more than with suite 2 alone.
    expect(lengths).toEqual([39, 45, 19])
  })
})

interface NamedValue {
  readonly step: string
  readonly name: string
  /** Whether it is a CBOR item around the value. */
  readonly isEncoded: boolean
  readonly hex: string
}

/** All values of the messages that were sent, in all their forms. */
function valuesOf(trace: Trace): readonly NamedValue[] {
  const all = Object.entries(trace.steps).flatMap(([step, values]) =>
    Object.entries(values).flatMap(([name, forms]) =>
      Object.entries(forms)
        .filter(([, hex]) => typeof hex === 'string')
        .map(([form, hex]) => ({ step, name, isEncoded: isItem(name, form), hex })),
    ),
  )
  return all.filter(({ step, name }) => !OTHER_STEPS.has(step) && !UNSEEN.has(name))
}

/** What is signed and what is authenticated are items that go through the provider as they are. */
function isItem(name: string, form: string): boolean {
  return form === 'bstr' || (form === 'cbor' && !/^[AM]_/.test(name))
}
