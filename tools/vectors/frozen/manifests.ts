// SPDX-License-Identifier: Apache-2.0
/**
 * `vectors/manifests.json`: manifests and generation ids (`docs/spec/03-streams.md`).
 *
 * @module
 */

import { ANCHOR, PLANT, THIEF } from './cast.ts'
import { cbor, type Value } from './cbor.ts'
import { bytesOf, seedOf, sha256, tampered } from './primitives.ts'
import {
  changed,
  generationId,
  manifestPayload,
  statement,
  statementAad,
  type ManifestInput,
  type Statement,
} from './statements.ts'
import { Cases, type VectorFile } from './vector-file.ts'

const BASE: ManifestInput = {
  domainId: ANCHOR.id,
  producerId: PLANT.id,
  streamName: 'plant/1/temperature',
  nonce: bytesOf('manifest nonce', 16),
}
const PAYLOAD = manifestPayload(BASE)
const COUNTER_MODES = ['session', 'durable']
const SIGNATURE_MODES = ['none', 'each', 'batch']
const HISTORY_MODES = ['keep', 'forget']

export function manifests(): VectorFile {
  const cases = new Cases()
  const former = seedOf('former generation')
  const varied: readonly [string, Partial<ManifestInput>][] = [
    ['as a producer makes it', {}],
    ['without a domain: a producer that is pinned by hand', { domainId: null }],
    ['name with a letter beyond ASCII', { streamName: 'Zürich/Öl' }],
    ['epochs of one second', { epochSeconds: 1 }],
    ['epochs of a year', { epochSeconds: 31_536_000 }],
    ['alg 3', { alg: 3 }],
    ['alg 1', { alg: 1 }],
    ['alg 10, short kid, durable counter', { alg: 10, kidBytes: 4, counterMode: 1 }],
    ['without signatures', { signatureMode: 0 }],
    ['batch signatures', { signatureMode: 2 }],
    ['that forgets', { historyMode: 1 }],
    ['closes a predecessor', { predecessor: [former, 499_999] }],
    ['follows a predecessor', { predecessor: [former, null] }],
  ]
  for (const [comment, changes] of varied) addValid(cases, comment, { ...BASE, ...changes })
  addPayloads(cases)
  addSignatures(cases)
  return cases.file(
    'manifests',
    'publicKey is the Ed25519 key of the producer. payloadDigest is SHA-256 of payload; generationId ' +
      'follows from producerId and payloadDigest. predecessor is [generation id, closing epoch].',
  )
}

function signed(payload: Value, input: Partial<Statement> = {}): Uint8Array {
  return statement({ type: 'manifest', signer: PLANT, payload, ...input })
}

function addValid(cases: Cases, comment: string, input: ManifestInput): void {
  const payload = manifestPayload(input)
  const { domainId, producerId, streamName, nonce, predecessor = null } = input
  const id = generationId(producerId, payload)
  const kidBytes = input.kidBytes ?? 8
  cases.valid(comment, {
    publicKey: PLANT.publicKey,
    domainId,
    producerId,
    streamName,
    nonce,
    epochSeconds: input.epochSeconds ?? 3600,
    alg: input.alg ?? 24,
    kidBytes,
    counterMode: COUNTER_MODES[input.counterMode ?? 0],
    signatureMode: SIGNATURE_MODES[input.signatureMode ?? 1],
    historyMode: HISTORY_MODES[input.historyMode ?? 0],
    predecessor: predecessor as null | [Uint8Array, number],
    payload: cbor(payload),
    payloadDigest: sha256(cbor(payload)),
    generationId: id,
    kid: id.slice(0, kidBytes),
    manifest: signed(payload),
  })
}

function addPayloads(cases: Cases): void {
  const changes: readonly [string, string, number, Value | undefined][] = [
    ['ERR_MALFORMED', 'no domain, not even a null', 1, undefined],
    ['ERR_MALFORMED', 'domain id of 31 bytes', 1, ANCHOR.id.slice(1)],
    ['ERR_MALFORMED', 'producer id of 8 bytes', 2, PLANT.id.slice(0, 8)],
    ['ERR_MALFORMED', 'name with a wildcard', 3, 'plant/+/temperature'],
    ['ERR_MALFORMED', 'name with an empty level', 3, 'plant//temperature'],
    ['ERR_MALFORMED', 'empty name', 3, ''],
    ['ERR_MALFORMED', 'name of 256 bytes', 3, 'x'.repeat(256)],
    ['ERR_MALFORMED', 'name that is not in normalization form C', 3, 'Zu\u0308rich'],
    ['ERR_MALFORMED', 'name with a control character', 3, 'plant\u0000'],
    ['ERR_MALFORMED', 'nonce of 8 bytes', 4, bytesOf('nonce', 8)],
    ['ERR_MALFORMED', 'epochs without length', 5, 0],
    ['ERR_MALFORMED', 'epochs longer than a year', 5, 31_536_001],
    ['ERR_UNSUPPORTED', 'unknown algorithm', 6, 2],
    ['ERR_MALFORMED', 'kid of 16 bytes', 7, 16],
    ['ERR_UNSUPPORTED', 'unknown counter mode', 8, 2],
    ['ERR_UNSUPPORTED', 'unknown signature mode', 9, 3],
    ['ERR_UNSUPPORTED', 'unknown history mode', 10, 2],
    ['ERR_MALFORMED', 'predecessor without a closing epoch', 11, [seedOf('former generation')]],
    ['ERR_MALFORMED', 'closing epoch beyond the last', 11, [seedOf('former generation'), 2 ** 32]],
    ['ERR_MALFORMED', 'unknown field', 12, null],
  ]
  for (const [result, comment, field, value] of changes) {
    const manifest = signed(changed(PAYLOAD, [field, value]))
    cases.refused(result, comment, { publicKey: PLANT.publicKey, manifest })
  }
}

function addSignatures(cases: Cases): void {
  const right = signed(PAYLOAD)
  const forged: readonly [string, Uint8Array][] = [
    [
      'signed by somebody else in the name of the producer',
      signed(PAYLOAD, { signer: THIEF, author: PLANT.id }),
    ],
    ['signature changed', tampered(right)],
    ['signed for one recipient', signed(PAYLOAD, { recipient: THIEF.id })],
    ['signed as a link', signed(PAYLOAD, { externalAad: statementAad('link', null) })],
    ['signed without external_aad', signed(PAYLOAD, { externalAad: new Uint8Array(0) })],
    ['of another producer than its author', signed(changed(PAYLOAD, [2, THIEF.id]))],
  ]
  for (const [comment, manifest] of forged) {
    cases.refused('ERR_SIGNATURE', comment, { publicKey: PLANT.publicKey, manifest })
  }
}
