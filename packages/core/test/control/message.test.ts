// SPDX-License-Identifier: Apache-2.0
import {
  authenticate,
  decodeMessage,
  MAX_MESSAGE_SECONDS,
  messageKey,
  STATEMENT_TYPES,
  signStatement,
  type CborKey,
  type CborValue,
  type Envelope,
  type MessageType,
} from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesUpTo, mutated } from '../support/arbitraries.js'
import { DAY, enrolled, HOUR, NOW, stranger, trustOf, type Member } from '../support/domain.js'
import {
  BODIES,
  ENVELOPE,
  MESSAGE_TYPES,
  messageBytes,
  messageOf,
  withField,
} from '../support/messages.js'
import { outcomeOf } from '../support/outcome.js'

const crypto = sodiumProvider
const ANCHOR = stranger('anchor')
const DESK = enrolled(ANCHOR, 'desk')
const PLANT = enrolled(ANCHOR, 'plant')
const verdict = (bytes: Uint8Array): string => outcomeOf(() => decodeMessage(crypto, bytes))
const bytes = (length: number): Uint8Array => new Uint8Array(length)

const FULL: Required<Envelope> = {
  ...ENVELOPE,
  inReplyTo: bytes(32).fill(1),
  bundle: { version: 3, digest: bytes(8).fill(2) },
  credential: bytes(50).fill(3),
  keyCard: bytes(60).fill(4),
}

describe('a control message', () => {
  it.each(MESSAGE_TYPES)('of type %s comes back as it was signed', (type) => {
    for (const envelope of [ENVELOPE, FULL]) {
      const encoded = messageBytes(type, DESK, { envelope })
      const message = decodeMessage(crypto, encoded)
      expect(message).toMatchObject({ type, envelope, body: BODIES[type], author: DESK.id })
      expect(message.digest).toEqual(crypto.sha256(encoded))
    }
  })

  it('may leave out what not everybody has to say', () => {
    const enrol = { ...BODIES.enrol, unit: undefined, token: undefined }
    const request = { ...BODIES.request, reason: undefined }
    const revocation = { ...BODIES.revocation, reason: undefined }
    const decoded = [
      messageOf('enrol', DESK, { body: enrol }),
      messageOf('request', DESK, { body: request }),
      messageOf('revocation', DESK, { body: revocation }),
    ]
    expect(decoded.map(({ body }) => body)).toEqual([enrol, request, revocation])
  })

  it('may name roles and units of 255 bytes', () => {
    const longest = 'x'.repeat(255)
    const body = { ...BODIES.enrol, name: longest, unit: longest, roles: [longest] }
    expect(messageOf('enrol', DESK, { body }).body).toEqual(body)
  })

  it.each(MESSAGE_TYPES)('of type %s keeps its body when its buffer is used again', (type) => {
    const encoded = messageBytes(type, DESK)
    const { body } = decodeMessage(crypto, encoded)
    encoded.fill(0)
    expect(body).toEqual(BODIES[type])
  })

  it('is remembered by its author and its id', () => {
    const one = messageOf('ack', DESK)
    expect(messageKey(one)).toBe(messageKey(messageOf('request', DESK)))
    expect(messageKey(one)).not.toBe(messageKey(messageOf('ack', PLANT)))
    const id = bytes(16)
    expect(messageKey(one)).not.toBe(messageKey(messageOf('ack', DESK, { envelope: { id } })))
  })

  it('is none of the other statements', () => {
    for (const type of STATEMENT_TYPES.filter((t) => !MESSAGE_TYPES.includes(t as MessageType))) {
      const statement = signStatement({
        type,
        author: DESK.id,
        key: DESK.key,
        recipient: null,
        payload: new Map(),
      })
      expect(verdict(statement)).toBe('ERR_UNSUPPORTED')
    }
  })

  const envelopes: readonly [string, readonly [CborKey, CborValue | undefined]][] = [
    ['without an id', [1, undefined]],
    ['with an id of 15 bytes', [1, bytes(15)]],
    ['without a time of issue', [2, undefined]],
    ['with an expiry before its issue', [3, NOW - 1]],
    ['with a life of more than a hundred years', [3, NOW + MAX_MESSAGE_SECONDS + 1]],
    ['in reply to 8 bytes', [4, bytes(8)]],
    ['with a bundle that is no array', [5, 1]],
    ['with a bundle of three', [5, [1, bytes(8), 0]]],
    ['with a bundle whose digest has 7 bytes', [5, [1, bytes(7)]]],
    ['with a credential that is text', [6, 'me']],
    ['with a key card that is null', [7, null]],
    ['with an unknown field of the envelope', [8, 0]],
    ['with an unknown field of the body', [30, 0]],
    ['with a field named by text', ['x', 0]],
  ]
  it.each(envelopes)('is refused %s', (_, change) => {
    for (const type of MESSAGE_TYPES) {
      const changed = withField(messageBytes(type, DESK), DESK, change)
      expect(verdict(changed), type).toBe('ERR_MALFORMED')
    }
  })

  const span = [0, 1]
  const key = (...entries: readonly [number, CborValue][]): CborValue => new Map(entries)
  const bodies: readonly [MessageType, string, readonly [CborKey, CborValue | undefined]][] = [
    ['request', 'without a kid', [16, undefined]],
    ['request', 'with a kid of 5 bytes', [16, bytes(5)]],
    ['request', 'with a kid of 9 bytes', [16, bytes(9)]],
    ['request', 'for no epochs', [17, []]],
    ['request', 'for 17 spans', [17, Array.from({ length: 17 }, () => span)]],
    ['request', 'for a span that runs backwards', [17, [[2, 1]]]],
    ['request', 'for unknown rights', [18, 3]],
    ['request', 'with a reason of 257 bytes', [19, 'ä'.repeat(128) + 'x']],
    ['grant', 'without a manifest', [16, undefined]],
    ['grant', 'without links', [17, []]],
    ['grant', 'with five links', [17, Array.from({ length: 5 }, () => bytes(1))]],
    ['grant', 'with a link that is text', [17, ['link']]],
    ['grant', 'with half a node', [18, bytes(16)]],
    ['grant', 'with 63 nodes', [18, bytes(63 * 32)]],
    ['denial', 'with a kid of 5 bytes', [16, bytes(5)]],
    ['denial', 'with a kid of 3 bytes', [16, bytes(3)]],
    ['denial', 'with code 0', [17, 0]],
    ['denial', 'with code 5', [17, 5]],
    ['denial', 'that holds back for more than an hour', [18, 3601]],
    ['denial', 'without a producer', [19, undefined]],
    ['denial', 'with a digest of 31 bytes', [20, bytes(31)]],
    ['denial', 'with four links', [21, Array.from({ length: 4 }, () => bytes(1))]],
    ['ack', 'without an outcome', [16, undefined]],
    ['ack', 'with an unknown outcome', [16, 2]],
    ['revocation', 'of nobody', [16, undefined]],
    ['revocation', 'without a time', [17, undefined]],
    ['revocation', 'for a generation of 8 bytes', [18, bytes(8)]],
    ['revocation', 'with a reason of 257 bytes', [19, 'x'.repeat(257)]],
    ['enrol', 'without a key', [16, undefined]],
    ['enrol', 'with a KEM key', [16, key([1, 1], [-1, 4], [-2, bytes(32)])]],
    ['enrol', 'with an empty name', [17, '']],
    ['enrol', 'with a name of 256 bytes', [17, 'ä'.repeat(128)]],
    ['enrol', 'with an empty unit', [18, '']],
    ['enrol', 'with a role of 256 bytes', [19, ['ä'.repeat(128)]]],
    ['enrol', 'with 33 roles', [19, Array.from({ length: 33 }, () => 'r')]],
    ['enrol', 'with what is no name pattern', [20, ['a//b']]],
    ['enrol', 'with a token of 15 bytes', [21, bytes(15)]],
    ['enrol', 'with a token of 65 bytes', [21, bytes(65)]],
  ]
  it.each(bodies)('of type %s is refused %s', (type, _, change) => {
    expect(verdict(withField(messageBytes(type, DESK), DESK, change))).toBe('ERR_MALFORMED')
  })

  it('of type enrol is unsupported with a key on an unknown curve', () => {
    const unknown = key([1, 1], [-1, 7], [-2, bytes(32)])
    const changed = withField(messageBytes('enrol', DESK), DESK, [16, unknown])
    expect(verdict(changed)).toBe('ERR_UNSUPPORTED')
  })

  it('fails to decode with its documented errors alone', () => {
    const valid = MESSAGE_TYPES.map((type) => messageBytes(type, DESK, { envelope: FULL }))
    fc.assert(
      fc.property(fc.oneof(mutated(valid), bytesUpTo(300)), (changed) => {
        expect(['valid', 'ERR_MALFORMED', 'ERR_UNSUPPORTED']).toContain(verdict(changed))
      }),
      { numRuns: 700 },
    )
  })
})

describe('the author of a message', () => {
  interface Circumstances {
    readonly author?: Member
    readonly envelope?: Partial<Envelope>
    readonly addressed?: Uint8Array | null
    readonly trust?: ReturnType<typeof trustOf>
    readonly now?: number
    readonly recipient?: Uint8Array | null
    readonly knownCredential?: Uint8Array
  }

  function check({
    author = DESK,
    envelope = { credential: author.credential ?? undefined },
    addressed = PLANT.id,
    trust = trustOf(ANCHOR),
    now = NOW,
    recipient = PLANT.id,
    knownCredential,
  }: Circumstances): string {
    const message = messageOf('request', author, { envelope, recipient: addressed })
    return outcomeOf(() => authenticate(message, { trust, recipient, now, knownCredential }))
  }

  it('is known by the credential in the message, by one that is held, or by hand', () => {
    expect(check({})).toBe('valid')
    expect(check({ envelope: {} })).toBe('ERR_NOT_TRUSTED')
    expect(check({ envelope: {}, knownCredential: DESK.credential ?? bytes(0) })).toBe('valid')
    const pinned = [{ publicKey: DESK.key.publicKey, name: 'desk', produces: [] }]
    expect(check({ envelope: {}, trust: trustOf(ANCHOR, {}, { pinned }) })).toBe('valid')
    expect(check({ knownCredential: PLANT.credential ?? bytes(0) })).toBe('valid')
  })

  it('is on the message that was handed over, with all that is known of it', () => {
    const message = messageOf('ack', DESK, {
      envelope: { credential: DESK.credential ?? undefined },
    })
    const inputs = { trust: trustOf(ANCHOR), recipient: null, now: NOW }
    const { principal, type, body } = authenticate(message, inputs)
    expect({ type, body }).toEqual({ type: 'ack', body: BODIES.ack })
    expect(principal).toMatchObject({ id: DESK.id, name: 'desk', domainId: ANCHOR.id })
  })

  it('speaks to its recipient alone', () => {
    expect(check({ recipient: DESK.id })).toBe('ERR_SIGNATURE')
    expect(check({ recipient: null })).toBe('ERR_SIGNATURE')
    expect(check({ addressed: null })).toBe('ERR_SIGNATURE')
    expect(check({ addressed: null, recipient: null })).toBe('valid')
  })

  it('cannot be another who has not its key, or of a domain that nobody trusts', () => {
    const forger = { ...DESK, key: PLANT.key }
    expect(check({ author: forger })).toBe('ERR_SIGNATURE')
    expect(check({ envelope: { credential: PLANT.credential ?? undefined } })).toBe(
      'ERR_NOT_TRUSTED',
    )
    const outsider = enrolled(stranger('other anchor'), 'outsider')
    expect(check({ author: outsider })).toBe('ERR_NOT_TRUSTED')
  })

  it('is heard from issue to expiry, for clocks that differ by five minutes', () => {
    const { issued, expires } = ENVELOPE
    expect(check({ now: issued - 300 })).toBe('valid')
    expect(check({ now: issued - 301 })).toBe('ERR_NOT_YET_VALID')
    expect(check({ now: expires + 299 })).toBe('valid')
    expect(check({ now: expires + 300 })).toBe('ERR_EXPIRED')
  })

  it('is in good standing, or not heard', () => {
    const revoked = [{ principalId: DESK.id, since: NOW }]
    expect(check({ trust: trustOf(ANCHOR, { revoked }) })).toBe('ERR_REVOKED')
    expect(check({ author: enrolled(ANCHOR, 'desk', { expires: NOW }) })).toBe('ERR_EXPIRED')
    const early = enrolled(ANCHOR, 'desk', { issued: NOW + HOUR, expires: NOW + DAY })
    expect(check({ author: early })).toBe('ERR_NOT_YET_VALID')
  })

  it('may be in bad standing where it grants: what counts is the chain', () => {
    const revoked = [{ principalId: DESK.id, since: 0 }]
    const envelope = {
      credential: enrolled(ANCHOR, 'desk', { expires: NOW }).credential ?? bytes(0),
    }
    const heard = (type: MessageType): string =>
      outcomeOf(() => {
        const trust = trustOf(ANCHOR, { revoked })
        const message = messageOf(type, DESK, { envelope })
        authenticate(message, { trust, recipient: null, now: NOW })
      })
    for (const type of MESSAGE_TYPES) {
      expect(heard(type), type).toBe(type === 'grant' ? 'valid' : 'ERR_EXPIRED')
    }
  })
})
