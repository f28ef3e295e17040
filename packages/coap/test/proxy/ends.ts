// SPDX-License-Identifier: Apache-2.0
/**
 * Servers and clients on loopback that protect what they say, for proxies to stand between.
 *
 * @module
 */

import { memoryStore } from '@waxwing/client'
import { nodeProvider } from '@waxwing/core/node'
import { onTestFinished } from 'vitest'
import {
  Changes,
  coapServer,
  type CoapSecurity,
  type CoapServer,
  type Handler,
  openCoapSecurity,
  openUdpEndpoint,
  ownEdhocCredential,
  resources,
  type UdpEndpoint,
} from '../../src/index.js'

const crypto = nodeProvider
const SECRET = new Uint8Array(16).fill(7)

/** Two ends that know each other. */
export interface Ends {
  /** Made for the server that listens there. */
  readonly client: (authority: string) => Promise<CoapSecurity>
  /** Starts the server's keys, or starts them again without what was in memory. */
  readonly server: () => Promise<CoapSecurity>
}

/** Ends with a secret that was given to both. */
export function presharedEnds(): Ends {
  const [desk, lamp] = [new Uint8Array(0), Uint8Array.of(1)]
  const serverStore = memoryStore()
  return {
    client: (authority) =>
      opened({
        store: memoryStore(),
        contexts: [
          {
            name: 'lamp',
            masterSecret: SECRET,
            senderId: desk,
            recipientId: lamp,
            authorities: [authority],
          },
        ],
      }),
    server: () =>
      opened({
        store: serverStore,
        contexts: [{ name: 'desk', masterSecret: SECRET, senderId: lamp, recipientId: desk }],
      }),
  }
}

/** Ends that agree on keys by EDHOC. */
export async function edhocEnds(): Promise<Ends> {
  const [clientStore, serverStore] = [memoryStore(), memoryStore()]
  const desk = await ownEdhocCredential({ store: clientStore, crypto, subject: 'desk' })
  const lamp = await ownEdhocCredential({ store: serverStore, crypto, subject: 'lamp' })
  const deskPeer = { name: 'desk', credential: desk.credential.encoded }
  const lampPeer = { name: 'lamp', credential: lamp.credential.encoded }
  return {
    client: (authority) => {
      const peers = [{ ...lampPeer, authorities: [authority] }]
      return opened({ store: clientStore, edhoc: { own: desk, peers } })
    },
    server: () => opened({ store: serverStore, edhoc: { own: lamp, peers: [deskPeer] } }),
  }
}

async function opened(
  options: Omit<Parameters<typeof openCoapSecurity>[0], 'crypto'>,
): Promise<CoapSecurity> {
  const security = await openCoapSecurity({ crypto, ...options })
  onTestFinished(() => security.close())
  return security
}

/** A server on loopback. */
export async function serve(handler: Handler): Promise<CoapServer> {
  const server = await coapServer({ handler, host: '127.0.0.1', port: 0 })
  onTestFinished(() => server.close())
  return server
}

/** A socket on loopback. */
export async function openSocket(): Promise<UdpEndpoint> {
  const endpoint = await openUdpEndpoint({ host: '127.0.0.1' })
  onTestFinished(() => endpoint.close())
  return endpoint
}

/** A resource that can be put, got and observed; puts are counted. */
export interface Held {
  readonly handler: Handler
  readonly putCount: () => number
  readonly hold: (body: Uint8Array | string) => void
}

export function held(path = 'state'): Held {
  const changes = new Changes()
  let body: Uint8Array | string = 'on'
  let putCount = 0
  const hold = (next: Uint8Array | string): void => {
    body = next
    changes.changed()
  }
  const handler = resources({
    [path]: {
      get: () => ({ payload: body }),
      put: ({ payload }) => {
        putCount += 1
        hold(payload.slice())
      },
      changes,
    },
  })
  return { handler, hold, putCount: () => putCount }
}

/** Bytes that differ from block to block. */
export function bodyOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (at * 31 + (at >> 8) * 7) & 0xff)
}
