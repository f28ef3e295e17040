// SPDX-License-Identifier: Apache-2.0
/**
 * OSCORE against the bare calls of AES-CCM-16-64-128 on the same bytes, and a protected request-response
 * over UDP against a plain one of the same client and server.
 *
 * @module
 */

import { createCipheriv, createDecipheriv, createSecretKey } from 'node:crypto'
import {
  coapClient,
  type CoapClient,
  coapServer,
  openCoapSecurity,
  type Handler,
} from '@waxwing/coap'
import { memoryStore } from '@waxwing/client'
import { nodeProvider as crypto } from '@waxwing/core/node'
import {
  CODE_CHANGED,
  CODE_CONTENT,
  CODE_POST,
  ContextBook,
  deriveContext,
  OPTION,
  protectRequest,
  protectResponse,
  ReplayGuard,
  type SecurityContext,
  SenderSequence,
  unprotectRequest,
  unprotectResponse,
} from '@waxwing/oscore'
import type { Contender } from './measure.ts'

const NAME = 'aes-128-ccm'
const TAG = { authTagLength: 8 }
const HOST = '127.0.0.1'
const AT_ONCE = 64
const SECRET = crypto.randomBytes(16)
const [DESK, LAMP] = [new Uint8Array(0), Uint8Array.of(1)]
const PATH = { number: OPTION.uriPath, value: new TextEncoder().encode('state') }
/** Code, Uri-Path and payload marker of a request, code and marker of a response. */
const FRAMES = [1 + 1 + PATH.value.length + 1, 1 + 1]
/** As long as that of OSCORE with short names. */
const AAD_BYTES = 20

/** A request and its response, encrypted and decrypted each, and nothing else. */
export function bareCcm(payloadBytes: number): Contender {
  const key = createSecretKey(crypto.randomBytes(16))
  const aad = crypto.randomBytes(AAD_BYTES)
  const plaintexts = FRAMES.map((bytes) => crypto.randomBytes(bytes + payloadBytes))
  const nonce = crypto.randomBytes(13)
  let count32 = 0
  return {
    name: 'bare AES-CCM-16-64-128, twice there and back',
    run: (count) => {
      for (let i = 0; i < count; i++) {
        for (const plaintext of plaintexts) {
          nonce[12] = count32++
          roundTrip(key, nonce, aad, plaintext)
        }
      }
    },
  }
}

function roundTrip(
  key: ReturnType<typeof createSecretKey>,
  nonce: Uint8Array,
  aad: Uint8Array,
  plaintext: Uint8Array,
): void {
  const plaintextLength = plaintext.length
  const cipher = createCipheriv(NAME, key, nonce, TAG)
  cipher.setAAD(aad, { plaintextLength })
  const ciphertext = cipher.update(plaintext)
  cipher.final()
  const decipher = createDecipheriv(NAME, key, nonce, TAG)
  decipher.setAuthTag(cipher.getAuthTag())
  decipher.setAAD(aad, { plaintextLength })
  decipher.update(ciphertext)
  decipher.final()
}

/** A request and its response, protected and unprotected. */
export function oscoreExchange(payloadBytes: number): Contender {
  const [client, server] = [contextOf(DESK, LAMP), contextOf(LAMP, DESK)]
  const book = new ContextBook()
  book.add(server)
  const payload = crypto.randomBytes(payloadBytes)
  const request = { code: CODE_POST, options: [PATH], payload }
  const response = { code: CODE_CHANGED, options: [], payload }
  return {
    name: 'OSCORE, a request and its response',
    run: (count) => {
      for (let i = 0; i < count; i++) {
        const { message, exchange } = protectRequest(client, request)
        const received = unprotectRequest(book.find, message)
        unprotectResponse(exchange, protectResponse(received.exchange, response))
      }
    },
  }
}

function contextOf(senderId: Uint8Array, recipientId: Uint8Array): SecurityContext {
  const input = { masterSecret: SECRET, senderId, recipientId }
  const sequence = SenderSequence.ofFreshKeys()
  return deriveContext(crypto, input, { sequence, replay: ReplayGuard.ofFreshKeys() })
}

export interface UdpBench {
  /** Plain, then protected. */
  readonly contenders: readonly Contender[]
  close(): Promise<void>
}

/** Two clients and two servers on loopback, in this process. */
export async function udpBench(payloadBytes: number): Promise<UdpBench> {
  const payload = crypto.randomBytes(payloadBytes)
  const answer: Handler = () => Promise.resolve({ code: CODE_CONTENT, options: [], payload })
  const lamp = await openCoapSecurity({
    store: memoryStore(),
    crypto,
    contexts: [{ name: 'desk', masterSecret: SECRET, senderId: LAMP, recipientId: DESK }],
  })
  const handlers = [answer, lamp.protect(answer)]
  const servers = await Promise.all(
    handlers.map((handler) => coapServer({ host: HOST, port: 0, handler })),
  )
  const [plainUri = '', protectedUri = ''] = servers.map(({ uri }) => `${uri}/state`)
  const authorities = [new URL(protectedUri).host]
  const desk = await openCoapSecurity({
    store: memoryStore(),
    crypto,
    contexts: [
      { name: 'lamp', masterSecret: SECRET, senderId: DESK, recipientId: LAMP, authorities },
    ],
  })
  const transmission = { nstart: AT_ONCE }
  const [plain, secured] = [
    coapClient({ transmission }),
    coapClient({ transmission, security: desk }),
  ]
  return {
    contenders: [
      asking('plain', () => plain.get(plainUri)),
      asking('protected by OSCORE', () => secured.get(protectedUri)),
    ],
    close: async () => {
      await Promise.all(
        [plain, secured, ...servers].map((each: { close(): Promise<void> }) => each.close()),
      )
    },
  }
}

function asking(name: string, ask: () => ReturnType<CoapClient['get']>): Contender {
  return {
    name,
    run: async (count) => {
      let left = count
      const worker = async (): Promise<void> => {
        while (left-- > 0) await ask()
      }
      await Promise.all(Array.from({ length: AT_ONCE }, worker))
    },
  }
}
