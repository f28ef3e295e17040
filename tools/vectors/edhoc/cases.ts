// SPDX-License-Identifier: Apache-2.0
/**
 * The cases of `vectors/edhoc.json`.
 *
 * @module
 */

import { cbor, join, Raw, type Value } from '../frozen/cbor.ts'
import { fromHex, tampered } from '../frozen/primitives.ts'
import { Cases, type Input, type VectorFile } from '../frozen/vector-file.ts'
import { type Changes, type Exchange, type Party, play, type Script } from './by-hand.ts'
import { C_I, party, scriptOf } from './cast.ts'

const NOTES =
  'All values are hex. end is the end that receives; own is its credential and secret key, ephemeral ' +
  'its ephemeral secret key, connectionId its connection identifier, known the credentials that it ' +
  'knows (idCred is the whole header map, cred the encoded CRED_x). It has the one suite, takes every ' +
  'method, knows no label of external authorization data, and sends the sequences in ead: EAD_1 and ' +
  'EAD_3, or EAD_2. It gets received in order, and answers ' +
  'in between: what is judged is the last one. sent are the messages of that end before; absent where ' +
  'its signature is not the same each time. values are the intermediate results of a whole exchange.'

type End = 'initiator' | 'responder'
type MessageNumber = 1 | 2 | 3 | 4

/** Methods, suites and ways to tell of credentials that go well. */
const EXCHANGES: readonly (readonly [string, Script])[] = [
  ['static keys on P-256, by kid', scriptOf(3, 2)],
  ['static keys on P-256, longer MACs, by kid', scriptOf(3, 3)],
  ['static keys on X25519, by kid', scriptOf(3, 0)],
  ['signatures with Ed25519, by x5t', scriptOf(0, 0, ['x5t', 'x5t'])],
  ['a signature with Ed25519 and a static key, by kccs', scriptOf(1, 1, ['kccs', 'kccs'])],
  [
    'a signature with ES256 and a static key, by kid and x5chain',
    scriptOf(1, 2, ['kid', 'x5chain']),
  ],
  ['a static key and a signature with ES256, by x5chain', scriptOf(2, 3, ['x5chain', 'x5chain'])],
  ['padding and an item that is not critical', { ...scriptOf(3, 2), ead: padded() }],
  ['the same, with signatures', { ...scriptOf(0, 0), ead: padded() }],
  [
    'identifiers that are no integers',
    { ...scriptOf(3, 2), cI: fromHex('18'), cR: fromHex('2727') },
  ],
]

export function edhocVectors(): VectorFile {
  const cases = new Cases()
  for (const [comment, script] of EXCHANGES) addExchange(cases, comment, script)
  refuseMessage1(cases)
  refuseMessage2(cases)
  refuseMessage3(cases)
  refuseMessage4(cases)
  return { ...cases.file('edhoc', NOTES), source: 'tools/vectors/edhoc.ts' }
}

/** All four messages, as far as a receiver can be made to send the same as here. */
function addExchange(cases: Cases, comment: string, script: Script): void {
  const { message1, message2, message3, message4, ...values } = play(script)
  const results = { message1, message2, message3, message4, ...values }
  for (const number of [1, 2, 3, 4] as const) {
    if (!isSame(script, number)) continue
    const inputs = inputsOf(script, results, number)
    cases.valid(`message_${number}: ${comment}`, number === 1 ? inputs : { ...inputs, values })
  }
}

/** Whether what the receiver sent before is the same each time: its own ES256 signature is not. */
function isSame({ initiator, responder }: Script, number: MessageNumber): boolean {
  if (number === 3) return responder.key.kind !== 'es256'
  return number !== 4 || initiator.key.kind !== 'es256'
}

function inputsOf(
  script: Script,
  exchange: Exchange,
  number: MessageNumber,
): Readonly<Record<string, Input>> {
  const { method, suite, x, y, cI, cR, ead: [ead1 = [], ead2 = [], ead3 = []] = [] } = script
  const end: End = number % 2 === 1 ? 'responder' : 'initiator'
  const [own, peer] =
    end === 'initiator'
      ? [script.initiator, script.responder]
      : [script.responder, script.initiator]
  const { message1, message2, message3, message4 } = exchange
  const [received, sent] =
    end === 'initiator'
      ? [
          [message2, message4],
          [message1, message3],
        ]
      : [[message1, message3], [message2]]
  return {
    end,
    method,
    suite,
    ephemeral: (end === 'initiator' ? x : y).secretKey,
    connectionId: identifier(end === 'initiator' ? cI : cR),
    ead: (end === 'initiator' ? [ead1, ead3] : [ead2]).map((items) => join(...items.map(cbor))),
    own: { ...credential(own), kind: own.key.kind, secretKey: own.key.secretKey },
    known: [credential(peer), credential(own)],
    received: received.slice(0, number > 2 ? 2 : 1),
    sent: sent.slice(0, number === 1 ? 0 : number === 4 ? 2 : 1),
  }
}

function credential({ idCred, cred, key }: Party): { readonly [name: string]: Input } {
  return { idCred: cbor(idCred), cred, curve: key.curve, x: key.x, y: key.y }
}

function identifier(shown: Value): Uint8Array {
  return shown instanceof Uint8Array ? shown : cbor(shown)
}

/** Adds a case with one thing changed. */
function refuse(
  cases: Cases,
  number: MessageNumber,
  [code, comment]: readonly [code: string, comment: string],
  change: {
    readonly script?: Partial<Script>
    readonly changes?: Changes
    /** In the place of the message. */
    readonly received?: (message: Uint8Array) => Uint8Array
  },
): void {
  const { script = {}, changes = {}, received = (message) => message } = change
  const changed = { ...scriptOf(3, 2), ...script, changes }
  const inputs = inputsOf(changed, play(changed), number)
  const messages = inputs['received'] as readonly Uint8Array[]
  const last = messages.length - 1
  cases.refused(code, `message_${number}: ${comment}`, {
    ...inputs,
    // What is known stays what it was, whoever speaks.
    known: inputsOf({ ...scriptOf(3, 2), ...knownBy(script) }, play(changed), number)['known'],
    received: messages.map((message, i) => (i === last ? received(message) : message)),
  })
}

/** Another suite has other keys, which are known as well. */
function knownBy({ suite, initiator, responder }: Partial<Script>): Partial<Script> {
  return suite === undefined || initiator === undefined || responder === undefined
    ? {}
    : { initiator, responder }
}

const replaced =
  (at: number, item: Value) =>
  (items: readonly Value[]): readonly Value[] =>
    items.with(at, item)
const added =
  (...more: readonly Value[]) =>
  (items: readonly Value[]): readonly Value[] => [...items, ...more]

function refuseMessage1(cases: Cases): void {
  const rows: readonly (readonly [string, string, NonNullable<Changes['message1']>])[] = [
    ['ERR_UNSUPPORTED', 'a method that there is not', replaced(0, 4)],
    ['ERR_MALFORMED', 'a method that is no integer', replaced(0, fromHex('03'))],
    ['ERR_UNSUPPORTED', 'the selected suite is not there', replaced(1, [2, 3])],
    ['ERR_UNSUPPORTED', 'the selected suite is not the first that is there', replaced(1, [2, 2])],
    ['ERR_MALFORMED', 'one suite in an array', replaced(1, [2])],
    ['ERR_MALFORMED', 'G_X is text', replaced(2, 'x'.repeat(32))],
    ['ERR_MALFORMED', 'G_X is too short', (items) => replaced(2, new Uint8Array(31))(items)],
    ['ERR_KEY_INVALID', 'G_X is no point', replaced(2, NO_POINT)],
    ['ERR_KEY_INVALID', 'G_X is not below p', replaced(2, P)],
    ['ERR_MALFORMED', 'C_I should be an integer', replaced(3, fromHex('0e'))],
    ['ERR_MALFORMED', 'C_I is an integer of two bytes', replaced(3, 24)],
    ['ERR_MALFORMED', 'no C_I', (items) => items.slice(0, 3)],
    ['ERR_UNSUPPORTED', 'a critical EAD item', added(-1)],
    ['ERR_MALFORMED', 'an EAD value without a label', added(fromHex('01'))],
    ['ERR_MALFORMED', 'two values of an EAD item', added(1, fromHex('01'), fromHex('01'))],
    [
      'ERR_MALFORMED',
      'a number that is longer than it has to be',
      replaced(0, new Raw(fromHex('1803'))),
    ],
    ['ERR_MALFORMED', 'an indefinite length', replaced(1, new Raw(fromHex('9f0302ff')))],
  ]
  for (const [code, comment, message1] of rows) {
    refuse(cases, 1, [code, comment], { changes: { message1 } })
  }
  const script = scriptOf(3, 0)
  refuse(cases, 1, ['ERR_KEY_INVALID', 'G_X is of small order'], {
    script,
    changes: { message1: replaced(2, SMALL_ORDER) },
  })
}

function refuseMessage2(cases: Cases): void {
  const { responder, initiator } = scriptOf(3, 2)
  const rows: readonly (readonly [string, string, Parameters<typeof refuse>[3]])[] = [
    ['ERR_NOT_AUTHENTIC', 'MAC_2 is another', { changes: { mac2: tampered } }],
    ['ERR_MALFORMED', 'MAC_2 is too short', { changes: { mac2: (mac) => mac.slice(1) } }],
    ['ERR_CONFLICT', 'C_R is C_I', { script: { cR: C_I } }],
    [
      'ERR_MALFORMED',
      'C_R should be an integer',
      { changes: { plaintext2: replaced(0, fromHex('27')) } },
    ],
    ['ERR_KEY_UNKNOWN', 'a kid that is not known', { changes: { plaintext2: replaced(1, 1) } }],
    [
      'ERR_MALFORMED',
      'a lone kid in a map',
      { changes: { plaintext2: replaced(1, responder.idCred) } },
    ],
    [
      'ERR_MALFORMED',
      'a kid that should be an integer',
      { changes: { plaintext2: replaced(1, fromHex('32')) } },
    ],
    ['ERR_NOT_TRUSTED', 'the credential of the Initiator', { script: { responder: initiator } }],
    [
      'ERR_NOT_AUTHENTIC',
      'another key of the same kid',
      { script: { responder: party('mallory', 'p256', 'kid', 0x32) } },
    ],
    ['ERR_UNSUPPORTED', 'a critical EAD item', { script: { ead: [[], [-1]] } }],
    [
      'ERR_NOT_AUTHENTIC',
      'an EAD item that MAC_2 does not cover',
      { changes: { plaintext2: added(1) } },
    ],
    ['ERR_MALFORMED', 'nothing behind G_Y', { received: () => cbor(new Uint8Array(32)) }],
    [
      'ERR_MALFORMED',
      'another item behind it',
      { received: (message) => join(message, fromHex('40')) },
    ],
    ['ERR_KEY_INVALID', 'G_Y is no point', { changes: { gY: NO_POINT } }],
    [
      'ERR_MALFORMED',
      'an array around it',
      { received: (message) => join(fromHex('81'), message) },
    ],
  ]
  for (const [code, comment, change] of rows) refuse(cases, 2, [code, comment], change)
  for (const method of [0, 2]) {
    const script = scriptOf(method, 0)
    const mac2 = { script, changes: { mac2: tampered } }
    refuse(cases, 2, ['ERR_NOT_AUTHENTIC', `method ${method}: a signature over another MAC`], mac2)
    const signature = { script, changes: { plaintext2: replaced(2, new Uint8Array(64)) } }
    refuse(cases, 2, ['ERR_NOT_AUTHENTIC', `method ${method}: no signature`], signature)
  }
}

function refuseMessage3(cases: Cases): void {
  const { responder, initiator } = scriptOf(3, 2)
  const rows: readonly (readonly [string, string, Parameters<typeof refuse>[3]])[] = [
    ['ERR_NOT_AUTHENTIC', 'a bit of the tag', { received: tampered }],
    ['ERR_NOT_AUTHENTIC', 'MAC_3 is another', { changes: { mac3: tampered } }],
    ['ERR_MALFORMED', 'MAC_3 is too short', { changes: { mac3: (mac) => mac.slice(1) } }],
    ['ERR_KEY_UNKNOWN', 'a kid that is not known', { changes: { plaintext3: replaced(0, 1) } }],
    [
      'ERR_MALFORMED',
      'a lone kid in a map',
      { changes: { plaintext3: replaced(0, initiator.idCred) } },
    ],
    ['ERR_NOT_TRUSTED', 'the credential of the Responder', { script: { initiator: responder } }],
    [
      'ERR_NOT_AUTHENTIC',
      'another key of the same kid',
      { script: { initiator: party('mallory', 'p256', 'kid', 0x2b) } },
    ],
    ['ERR_UNSUPPORTED', 'a critical EAD item', { script: { ead: [[], [], [-1]] } }],
    [
      'ERR_NOT_AUTHENTIC',
      'an EAD item that MAC_3 does not cover',
      { changes: { plaintext3: added(1) } },
    ],
    ['ERR_MALFORMED', 'nothing inside', { changes: { plaintext3: () => [] } }],
    ['ERR_NOT_AUTHENTIC', 'shorter than a tag', { received: () => cbor(new Uint8Array(7)) }],
    [
      'ERR_MALFORMED',
      'another item behind it',
      { received: (message) => join(message, fromHex('40')) },
    ],
  ]
  for (const [code, comment, change] of rows) refuse(cases, 3, [code, comment], change)
  const mac3 = { script: scriptOf(1, 2), changes: { mac3: tampered } }
  refuse(cases, 3, ['ERR_NOT_AUTHENTIC', 'a signature with ES256 over another MAC'], mac3)
}

function refuseMessage4(cases: Cases): void {
  const rows: readonly (readonly [string, string, Parameters<typeof refuse>[3]])[] = [
    ['ERR_NOT_AUTHENTIC', 'a bit of the tag', { received: tampered }],
    ['ERR_UNSUPPORTED', 'a critical EAD item', { script: { ead: [[], [], [], [-1]] } }],
    ['ERR_MALFORMED', 'a value without a label', { changes: { plaintext4: added(fromHex('01')) } }],
    ['ERR_NOT_AUTHENTIC', 'nothing', { received: () => cbor(new Uint8Array(0)) }],
    [
      'ERR_MALFORMED',
      'another item behind it',
      { received: (message) => join(message, fromHex('40')) },
    ],
  ]
  for (const [code, comment, change] of rows) refuse(cases, 4, [code, comment], change)
}

/** From the invalid messages of RFC 9529: a coordinate of no point, and one that is not below p. */
const NO_POINT = fromHex('a04e73601df544a70ba7ea1e57030f7d4b4eb7f673924e58d54ca77a5e7d4d4a')
const P = fromHex('ffffffff00000001000000000000000000000000ffffffffffffffffffffffff')
const SMALL_ORDER = fromHex('edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f')

function padded(): readonly (readonly Value[])[] {
  return [[0, fromHex('e9')], [0], [7, fromHex('0102'), 0], [0, fromHex(''), 65_535]]
}
