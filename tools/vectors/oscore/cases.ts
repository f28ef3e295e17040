// SPDX-License-Identifier: Apache-2.0
/**
 * The cases of `vectors/oscore.json`.
 *
 * @module
 */

import { join } from '../frozen/cbor.ts'
import { bytesOf, fromHex, tampered, utf8 } from '../frozen/primitives.ts'
import { Cases, type VectorFile } from '../frozen/vector-file.ts'
import { type Algorithm, coap, header, type Options, seal, type Shared } from './by-hand.ts'

const NOTES =
  'All values are hex. bytes, message, request and response are Code, options and payload as in ' +
  'RFC 7252 Section 3, without the header fields of one hop. context is that of who receives; ' +
  'before are messages that were accepted earlier. Of a request, the sender is the client; of a ' +
  'response, requestPartialIv is the Partial IV of the request that it answers.'

const NONE = new Uint8Array(0)
const CLIENT = fromHex('c1')
const SERVER = fromHex('5e')
const GET = 1
const POST = 2
const FETCH = 5
const CHANGED = 68
const CONTENT = 69
const OSCORE = 9
const PIV = fromHex('14')
const PATH: Options = [[11, utf8('lamp')]]

const shared = (algorithm: Algorithm, idContext?: string): Shared => ({
  algorithm,
  masterSecret: bytesOf('oscore master secret', 16),
  masterSalt: bytesOf('oscore master salt', 8),
  idContext: idContext === undefined ? undefined : fromHex(idContext),
})

const contextOf = (of: Shared, senderId: Uint8Array, recipientId: Uint8Array): object => ({
  ...of,
  senderId,
  recipientId,
})
const serverOf = (of: Shared): never => contextOf(of, SERVER, CLIENT) as never
const clientOf = (of: Shared): never => contextOf(of, CLIENT, SERVER) as never

/** A request as it is sent: what is inside, and what stands outside beside the OSCORE option. */
function request(
  of: Shared,
  plaintext: Uint8Array,
  { code = POST, before = [], after = [], partialIv = PIV }: Partial<Outside> = {},
): Uint8Array {
  const names = { idPiv: CLIENT, partialIv, requestKid: CLIENT, requestPartialIv: partialIv }
  const ciphertext = seal(of, { senderId: CLIENT, ...names }, plaintext)
  const value = header(partialIv, CLIENT, of.idContext)
  return coap(code, [...before, [OSCORE, value], ...after], ciphertext)
}

interface Outside {
  readonly code: number
  readonly before: Options
  readonly after: Options
  readonly partialIv: Uint8Array
}

/** A response, with a Partial IV of its own or with the nonce of the request. */
function response(
  of: Shared,
  plaintext: Uint8Array,
  own?: Uint8Array,
  outside: Options = [],
): Uint8Array {
  const names = { requestKid: CLIENT, requestPartialIv: PIV }
  const nonce =
    own === undefined ? { idPiv: CLIENT, partialIv: PIV } : { idPiv: SERVER, partialIv: own }
  const ciphertext = seal(of, { senderId: SERVER, ...names, ...nonce }, plaintext)
  const options: Options = [...outside, [OSCORE, header(own)]]
  return coap(outside.length > 0 ? CONTENT : CHANGED, options, ciphertext)
}

export function oscoreVectors(): VectorFile {
  const cases = new Cases()
  addOptions(cases)
  addMessages(cases)
  addRequests(cases)
  addBadRequests(cases)
  addResponses(cases)
  addHttp(cases)
  return { ...cases.file('oscore', NOTES), source: 'tools/vectors/oscore.ts' }
}

function addOptions(cases: Cases): void {
  const kind = 'option'
  const ofAll = { partialIv: fromHex('0102030405'), kid: CLIENT, kidContext: fromHex('aabb') }
  const value = header(ofAll.partialIv, ofAll.kid, ofAll.kidContext)
  cases.valid('all parts, the longest Partial IV', { kind, value, ...ofAll })
  cases.valid('kid present and empty', { kind, value: '0914', partialIv: '14', kid: '' })
  cases.valid('kid context present and empty', { kind, value: '1000', kidContext: '' })
  cases.valid('nothing', { kind, value: '' })
  cases.valid('Partial IV of zero', { kind, value: '0100', partialIv: '00' })
  const bad = (comment: string, hex: string): void =>
    cases.refused('ERR_MALFORMED', comment, { kind, value: hex })
  bad('flags of zero, written out', '00')
  bad('reserved bit 5', '2914c1')
  bad('reserved bit 7', '8914c1')
  bad('n of 6', '06010203040506')
  bad('Partial IV cut off', '0214')
  bad('Partial IV with a leading zero', '0a0014c1')
  bad('kid context cut off', '1003aabb')
  bad('kid context without length', '1114')
  bad('bytes behind the Partial IV, without the flag of a kid', '0114c1')
}

function addMessages(cases: Cases): void {
  const kind = 'message'
  const long: Options = [
    [13, NONE],
    [282, new Uint8Array(13)],
    [65_535, NONE],
  ]
  cases.valid('deltas of one and two bytes, a length of one', {
    kind,
    bytes: coap(GET, long, utf8('p')),
    code: GET,
    options: long,
    payload: utf8('p'),
  })
  cases.valid('a code alone', { kind, bytes: '45', code: CONTENT, options: [], payload: '' })
  const bad = (comment: string, bytes: string): void =>
    cases.refused('ERR_MALFORMED', comment, { kind, bytes })
  bad('no code', '')
  bad('a payload marker before nothing', '01ff')
  bad('a delta of 15', '01f0')
  bad('a length of 15', '010f')
  bad('a value cut off', '01b3616c')
  bad('an option above 65535', '01e0fef310')
}

function addRequests(cases: Cases): void {
  const kind = 'request'
  for (const algorithm of [10, 30, 24, 1, 3] as const) {
    const of = shared(algorithm)
    const plaintext = coap(GET, PATH, NONE)
    const message = request(of, plaintext)
    cases.valid(`algorithm ${algorithm}`, {
      kind,
      context: serverOf(of),
      message,
      request: plaintext,
    })
  }
  const of = shared(10, '0a0b0c')
  const context = serverOf(of)
  const body = coap(POST, PATH, utf8('on'))
  const accept = (comment: string, message: Uint8Array, result: Uint8Array): void =>
    cases.valid(comment, { kind, context, message, request: result })
  accept('with ID Context and payload', request(of, body), body)
  const withHost = coap(POST, [[3, utf8('h')], ...PATH], utf8('on'))
  accept('Uri-Host outside is kept', request(of, body, { before: [[3, utf8('h')]] }), withHost)
  const forged: Options = [
    [12, NONE],
    [14, NONE],
    [27, NONE],
    [999, utf8('x')],
  ]
  accept('options of Class E outside are discarded', request(of, body, { after: forged }), body)
  accept('the code outside is discarded', request(of, body, { code: 4 }), body)
  const observe = coap(GET, [[6, NONE], ...PATH], NONE)
  const registration = request(of, observe, { code: FETCH, before: [[6, NONE]] })
  accept('a registration', registration, observe)
  accept('a registration of which a proxy took the Observe', request(of, observe), observe)
  const one = coap(GET, [[6, fromHex('01')], ...PATH], NONE)
  accept(
    'a cancellation that a proxy made a registration',
    request(of, one, { before: [[6, NONE]] }),
    one,
  )
}

function addBadRequests(cases: Cases): void {
  const kind = 'request'
  const of = shared(10)
  const context = serverOf(of)
  const good = request(of, coap(GET, PATH, NONE))
  const refuse = (code: string, comment: string, message: Uint8Array): void =>
    cases.refused(code, comment, { kind, context, message })
  refuse('ERR_NOT_AUTHENTIC', 'a bit of the tag', tampered(good))
  refuse(
    'ERR_NOT_AUTHENTIC',
    'shorter than a tag',
    coap(POST, [[OSCORE, header(PIV, CLIENT)]], fromHex('00')),
  )
  const names = { senderId: CLIENT, idPiv: CLIENT, partialIv: PIV }
  const wrap = (ciphertext: Uint8Array, value = header(PIV, CLIENT)): Uint8Array =>
    coap(POST, [[OSCORE, value]], ciphertext)
  const plain = coap(GET, PATH, NONE)
  const right = { ...names, requestKid: CLIENT, requestPartialIv: PIV }
  const ciphertext = seal(of, right, plain)
  const refuseSealed = (comment: string, wrong: object, by: Shared = of): void =>
    refuse('ERR_NOT_AUTHENTIC', comment, wrap(seal(by, { ...right, ...wrong }, plain)))
  refuseSealed('another kid in the AAD', { requestKid: SERVER })
  refuseSealed('another Partial IV in the AAD', { requestPartialIv: fromHex('15') })
  refuseSealed('a Partial IV of the other endpoint', { idPiv: SERVER })
  refuseSealed('the key of the other direction', { senderId: SERVER })
  refuseSealed('another ID Context in the derivation', {}, shared(10, '0a'))
  refuseSealed('another algorithm in the derivation', {}, shared(30))
  refuse('ERR_KEY_UNKNOWN', 'another kid', wrap(ciphertext, header(PIV, SERVER)))
  refuse(
    'ERR_KEY_UNKNOWN',
    'a kid context that is not ours',
    wrap(ciphertext, header(PIV, CLIENT, fromHex('0a'))),
  )
  refuse('ERR_MALFORMED', 'no kid', wrap(ciphertext, header(PIV)))
  refuse('ERR_MALFORMED', 'no Partial IV', wrap(ciphertext, header(undefined, CLIENT)))
  refuse('ERR_MALFORMED', 'no OSCORE option', coap(POST, [], ciphertext))
  refuse('ERR_MALFORMED', 'no payload', wrap(NONE))
  const value = header(PIV, CLIENT)
  refuse(
    'ERR_MALFORMED',
    'two OSCORE options',
    coap(
      POST,
      [
        [OSCORE, value],
        [OSCORE, value],
      ],
      ciphertext,
    ),
  )
  refuse('ERR_MALFORMED', 'a response inside', request(of, coap(CONTENT, [], NONE)))
  refuse('ERR_MALFORMED', 'no code inside', request(of, fromHex('00')))
  refuse('ERR_MALFORMED', 'an OSCORE option inside', request(of, coap(GET, [[OSCORE, NONE]], NONE)))
  refuse('ERR_MALFORMED', 'a marker before nothing inside', request(of, join(plain, fromHex('ff'))))
  const replay = (comment: string, before: readonly Uint8Array[]): void =>
    cases.refused('ERR_REPLAYED', comment, { kind, context, before, message: good })
  replay('the same again', [good])
  replay('below the window', [request(of, plain, { partialIv: fromHex('34') })])
  const edge = request(of, plain, { partialIv: fromHex('33') })
  cases.valid('at the end of the window', {
    kind,
    context,
    before: [edge],
    message: good,
    request: plain,
  })
}

function addResponses(cases: Cases): void {
  const of = shared(10)
  const common = { kind: 'response', context: clientOf(of), requestPartialIv: PIV }
  const body = coap(CONTENT, [[12, NONE]], utf8('21.5'))
  const own = fromHex('07')
  const accept = (
    comment: string,
    message: Uint8Array,
    result: Uint8Array,
    more: object = {},
  ): void => cases.valid(comment, { ...common, message, response: result, ...more })
  accept('with the nonce of the request', response(of, body), body)
  accept('with a Partial IV of its own', response(of, body, own), body)
  accept('options of Class E outside are discarded', response(of, body, own, [[4, own]]), body)
  const notification = coap(CONTENT, [[6, NONE]], utf8('21.5'))
  const observed = coap(CONTENT, [[6, own]], utf8('21.5'))
  const isRegistration = { isRegistration: true }
  const message = response(of, notification, own, [[6, fromHex('63')]])
  accept('a notification: Observe is of its Partial IV', message, observed, isRegistration)
  const refuse = (code: string, comment: string, bad: Uint8Array, more: object = {}): void =>
    cases.refused(code, comment, { ...common, message: bad, ...more })
  refuse('ERR_MALFORMED', 'a notification that nobody asked for', message)
  refuse('ERR_MALFORMED', 'a request inside', response(of, coap(GET, [], NONE)))
  refuse(
    'ERR_MALFORMED',
    'an OSCORE option inside',
    response(of, coap(CONTENT, [[OSCORE, NONE]], NONE)),
  )
  refuse('ERR_NOT_AUTHENTIC', 'a bit of the tag', tampered(response(of, body)))
  const otherRequest = { requestPartialIv: fromHex('15') }
  refuse('ERR_NOT_AUTHENTIC', 'of another request', response(of, body, own), otherRequest)
  const again = { before: [response(of, body)] }
  refuse('ERR_REPLAYED', 'a second one', response(of, body, own), again)
  const later = { ...isRegistration, before: [response(of, notification, fromHex('08'))] }
  refuse('ERR_REPLAYED', 'a notification before the one that was there', message, later)
  const last = response(of, notification)
  refuse('ERR_REPLAYED', 'one without Partial IV is the oldest', last, later)
}

function addHttp(cases: Cases): void {
  const kind = 'http'
  cases.valid('of RFC 8613 Section 11.5', { kind, field: 'CSU', value: '0925' })
  cases.valid('the empty option', { kind, field: 'AA', value: '' })
  for (const field of ['', 'CSU=', 'CS+', 'CSV']) {
    cases.refused('ERR_MALFORMED', `"${field}" is no base64url of its one form`, { kind, field })
  }
}
