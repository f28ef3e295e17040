// SPDX-License-Identifier: Apache-2.0
/**
 * The test vectors of RFC 8613 Appendix C, every value of them, on every provider that offers the
 * algorithm.
 */

import {
  type AeadAlgorithm,
  type CryptoProvider,
  encStructure,
  fromHex,
  toHex,
} from '@waxwing/core'
import { describe, expect, it } from 'vitest'
import {
  ClientExchange,
  type CoapMessage,
  constructNonce,
  type ContextInput,
  decodeCoap,
  deriveContext,
  deriveParameters,
  encodeCoap,
  encodePartialIv,
  optionValue,
  protectRequest,
  protectResponse,
  ReplayGuard,
  type SecurityContext,
  SenderSequence,
  sortOptions,
  unprotectResponse,
} from '../../src/index.js'
import { derivationInfo } from '../../src/oscore/context.js'
import { aadArray } from '../../src/oscore/cose.js'
import { splitMessage } from '../../src/oscore/message-fields.js'
import { accept, EMPTY, mirrored, recordFrom } from '../support/contexts.js'
import { providersOf } from '../support/providers.js'
import { describePublished } from '../support/published.js'

interface Derivation {
  readonly id: string
  readonly aeadAlgorithm: AeadAlgorithm
  readonly inputs: Readonly<
    Record<'masterSecret' | 'masterSalt' | 'senderId' | 'recipientId', string>
  > & {
    readonly idContext: string | null
  }
  readonly info: Readonly<Record<'senderKeyInfo' | 'recipientKeyInfo' | 'commonIvInfo', string>>
  readonly outputs: Readonly<
    Record<'senderKey' | 'recipientKey' | 'commonIv' | 'senderNonce' | 'recipientNonce', string>
  >
}

interface Message {
  readonly id: string
  readonly kind: 'request' | 'response'
  readonly context: string
  readonly request?: string
  readonly senderSequenceNumber: number
  readonly partialIv: string | null
  readonly externalAad: string
  readonly aad: string
  readonly plaintext: string
  readonly nonce: string
  readonly oscoreOption: string
  readonly ciphertext: string
  readonly unprotected: string
  readonly protected: string
}

interface Vectors {
  readonly keyDerivation: readonly Derivation[]
  readonly messages: readonly Message[]
}

const OSCORE = 9

describePublished('the vectors of RFC 8613', 'oscore/rfc8613.json', declare)

function declare({ keyDerivation, messages }: Vectors): void {
  const byId = <T extends { readonly id: string }>(all: readonly T[], id: string | undefined): T =>
    all.find((one) => one.id === id)!

  it('are all there', () => {
    expect(keyDerivation).toHaveLength(6)
    const kinds = messages.map(({ kind }) => kind)
    expect(kinds).toStrictEqual(['request', 'request', 'request', 'response', 'response'])
  })

  describe.each(providersOf(10))('on $name', (crypto) => {
    it.each(keyDerivation)('$id: keys, Common IV and nonces', (vector) => {
      expectDerivation(crypto, vector)
    })

    it.each(messages)('$id: a $kind', async (vector) => {
      const input = inputOf(byId(keyDerivation, vector.context))
      await (vector.kind === 'request'
        ? expectRequest(crypto, input, vector)
        : expectResponse(crypto, input, vector, byId(messages, vector.request)))
    })
  })
}

function expectDerivation(crypto: CryptoProvider, vector: Derivation): void {
  const input = inputOf(vector)
  const { senderId, recipientId } = input
  expect(toHex(derivationInfo(input, senderId, 'Key', 16))).toBe(vector.info.senderKeyInfo)
  expect(toHex(derivationInfo(input, recipientId, 'Key', 16))).toBe(vector.info.recipientKeyInfo)
  expect(toHex(derivationInfo(input, EMPTY, 'IV', 13))).toBe(vector.info.commonIvInfo)
  const { senderKey, recipientKey, commonIv } = deriveParameters(crypto, input)
  const nonce = (idPiv: Uint8Array): string =>
    toHex(constructNonce({ commonIv, idPiv, partialIv: Uint8Array.of(0) }))
  expect({
    senderKey: toHex(senderKey),
    recipientKey: toHex(recipientKey),
    commonIv: toHex(commonIv),
    senderNonce: nonce(senderId),
    recipientNonce: nonce(recipientId),
  }).toStrictEqual(vector.outputs)
}

async function expectRequest(
  crypto: CryptoProvider,
  input: ContextInput,
  vector: Message,
): Promise<void> {
  const original = ofUdp(vector.unprotected)
  const client = await contextAt(crypto, input, vector.senderSequenceNumber)
  const { message, exchange } = protectRequest(client, original)
  expectMessage(vector, message, splitMessage(original, 'request').inner)
  expectAad(vector, client, exchange)
  expect(toHex(exchange.nonce)).toBe(vector.nonce)
  const server = await contextAt(crypto, mirrored(input), 0)
  expect(encodeCoap(accept(server, ofUdp(vector.protected)).request)).toStrictEqual(
    encodeCoap(original),
  )
}

async function expectResponse(
  crypto: CryptoProvider,
  input: ContextInput,
  vector: Message,
  request: Message,
): Promise<void> {
  const original = ofUdp(vector.unprotected)
  const server = await contextAt(crypto, input, vector.senderSequenceNumber)
  const { exchange } = accept(server, ofUdp(request.protected))
  const message = protectResponse(exchange, original, { ownPartialIv: vector.partialIv !== null })
  expectMessage(vector, message, splitMessage(original, 'response').inner)
  expectAad(vector, server, exchange)
  const client = await contextAt(crypto, mirrored(input), request.senderSequenceNumber)
  const asked = protectRequest(client, ofUdp(request.unprotected)).exchange
  expect(asked).toBeInstanceOf(ClientExchange)
  expect(encodeCoap(unprotectResponse(asked, ofUdp(vector.protected)))).toStrictEqual(
    encodeCoap(original),
  )
  const ownNonce = constructNonce({
    commonIv: server.common.commonIv,
    idPiv: server.sender.senderId,
    partialIv: encodePartialIv(vector.senderSequenceNumber),
  })
  expect(toHex(vector.partialIv === null ? asked.nonce : ownNonce)).toBe(vector.nonce)
}

function expectMessage(vector: Message, message: CoapMessage, inner: CoapMessage): void {
  expect(toHex(encodeCoap(inner))).toBe(vector.plaintext)
  expect(toHex(optionValue(message, OSCORE)!)).toBe(vector.oscoreOption)
  expect(toHex(message.payload)).toBe(vector.ciphertext)
  expect(toHex(encodeCoap(message))).toBe(toHex(encodeCoap(ofUdp(vector.protected))))
}

function expectAad(
  vector: Message,
  { common }: SecurityContext,
  request: { readonly kid: Uint8Array; readonly partialIv: Uint8Array },
): void {
  const array = aadArray(common, request)
  expect(toHex(array)).toBe(vector.externalAad)
  expect(toHex(encStructure(EMPTY, array))).toBe(vector.aad)
}

function inputOf({ inputs, aeadAlgorithm }: Derivation): ContextInput {
  const { masterSecret, masterSalt, senderId, recipientId, idContext } = inputs
  return {
    masterSecret: fromHex(masterSecret),
    masterSalt: fromHex(masterSalt),
    senderId: fromHex(senderId),
    recipientId: fromHex(recipientId),
    idContext: idContext === null ? undefined : fromHex(idContext),
    algorithm: aeadAlgorithm,
  }
}

async function contextAt(
  crypto: CryptoProvider,
  input: ContextInput,
  first: number,
): Promise<SecurityContext> {
  const sequence = await SenderSequence.open(recordFrom(first))
  await sequence.ready()
  return deriveContext(crypto, input, { sequence, replay: ReplayGuard.ofFreshKeys() })
}

/** A message as UDP carries it, without version, type, message id and token. */
function ofUdp(hex: string): CoapMessage {
  const bytes = fromHex(hex)
  const tokenBytes = bytes[0]! & 0x0f
  const message = decodeCoap(Uint8Array.of(bytes[1]!, ...bytes.subarray(4 + tokenBytes)))
  return { ...message, options: sortOptions(message.options) }
}
