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
  type CoapSecurity,
  coapServer,
  openCoapSecurity,
  type Handler,
} from '@waxwing/coap'
import { memoryStore } from '@waxwing/client'
import type { AeadAlgorithm, CryptoProvider } from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import { sodiumProvider } from '@waxwing/core/sodium'
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
const SECRET = nodeProvider.randomBytes(16)
const [DESK, LAMP] = [new Uint8Array(0), Uint8Array.of(1)]
const PATH = { number: OPTION.uriPath, value: new TextEncoder().encode('state') }
const AES_CCM: Protection = { crypto: nodeProvider, algorithm: 10 }
const CHACHA: Protection = { crypto: sodiumProvider, algorithm: 24 }
/** Code, Uri-Path and payload marker of a request, code and marker of a response. */
const FRAMES = [1 + 1 + PATH.value.length + 1, 1 + 1]
/** As long as that of OSCORE with short names. */
const AAD_BYTES = 20

/** A request and its response, encrypted and decrypted each, and nothing else. */
export function bareCcm(payloadBytes: number): Contender {
  const key = createSecretKey(nodeProvider.randomBytes(16))
  const aad = nodeProvider.randomBytes(AAD_BYTES)
  const plaintexts = FRAMES.map((bytes) => nodeProvider.randomBytes(bytes + payloadBytes))
  const nonce = nodeProvider.randomBytes(13)
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
  const payload = nodeProvider.randomBytes(payloadBytes)
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
  return deriveContext(nodeProvider, input, { sequence, replay: ReplayGuard.ofFreshKeys() })
}

export interface UdpBench {
  /** Plain; plain with the calls that protection cannot do without beside it; protected by either algorithm. */
  readonly contenders: readonly Contender[]
  close(): Promise<void>
}

interface Protection {
  readonly crypto: CryptoProvider
  readonly algorithm: AeadAlgorithm
}

interface Pair {
  ask(): Promise<unknown>
  close(): Promise<void>
}

/** Clients and servers on loopback, in this process. */
export async function udpBench(payloadBytes: number): Promise<UdpBench> {
  const payload = nodeProvider.randomBytes(payloadBytes)
  const answer: Handler = () => Promise.resolve({ code: CODE_CONTENT, options: [], payload })
  const ccm = bareCcm(payloadBytes)
  const withCalls: Handler = (request) => {
    void ccm.run(1)
    return answer(request)
  }
  const pairs = {
    plain: await pairOf(answer),
    'plain, and the bare calls of AES-CCM': await pairOf(withCalls),
    'protected, AES-CCM of node:crypto': await pairOf(answer, AES_CCM),
    'protected, ChaCha20/Poly1305 of libsodium': await pairOf(answer, CHACHA),
  }
  return {
    contenders: Object.entries(pairs).map(([name, pair]) => asking(name, pair)),
    close: async () => {
      await Promise.all(Object.values(pairs).map((pair) => pair.close()))
    },
  }
}

async function pairOf(handler: Handler, protection?: Protection): Promise<Pair> {
  const lamp = protection && (await securityOf(protection, 'desk', LAMP, DESK))
  const server = await coapServer({
    host: HOST,
    port: 0,
    handler: lamp === undefined ? handler : lamp.protect(handler),
  })
  const uri = `${server.uri}state`
  const authorities = [new URL(uri).host]
  const desk = protection && (await securityOf(protection, 'lamp', DESK, LAMP, authorities))
  const transmission = { nstart: AT_ONCE }
  const client = coapClient({ transmission, ...(desk === undefined ? {} : { security: desk }) })
  return {
    ask: () => client.get(uri),
    close: async () => {
      await client.close()
      await server.close()
    },
  }
}

function securityOf(
  { crypto, algorithm }: Protection,
  name: string,
  senderId: Uint8Array,
  recipientId: Uint8Array,
  authorities: readonly string[] = [],
): Promise<CoapSecurity> {
  const ids = { senderId, recipientId, authorities }
  const contexts = [{ name, masterSecret: SECRET, algorithm, ...ids }]
  return openCoapSecurity({ store: memoryStore(), crypto, contexts })
}

function asking(name: string, pair: Pair): Contender {
  return {
    name,
    run: async (count) => {
      let left = count
      const worker = async (): Promise<void> => {
        while (left-- > 0) await pair.ask()
      }
      await Promise.all(Array.from({ length: AT_ONCE }, worker))
    },
  }
}
