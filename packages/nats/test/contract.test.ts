// SPDX-License-Identifier: Apache-2.0
/** The contract over a NATS server with JetStream, over TCP and TLS. */
import { afterAll, beforeAll } from 'vitest'
import { natsTransport, type NatsTransportOptions } from '@waxwing/nats'
import {
  describeTransport,
  natsAvailable,
  ProxiedEndpoints,
  requireOrSkip,
  startNats,
  type Nats,
} from '@waxwing/testkit'
import { deadLettersAt } from './raw.js'

const MAX_UNACKNOWLEDGED = 16

const describeWithNats = requireOrSkip('nats-server', natsAvailable())

for (const tls of [false, true]) {
  const name = `NATS JetStream over ${tls ? 'TLS' : 'TCP'}`
  describeWithNats(name, () => describeVariant(name, tls))
}

function describeVariant(name: string, tls: boolean): void {
  let server: Nats
  let endpoints: ProxiedEndpoints

  beforeAll(async () => {
    server = await startNats({ tls })
    endpoints = new ProxiedEndpoints(server.port, (port, session) =>
      natsTransport(options(port, session)),
    )
  })

  afterAll(async () => {
    await endpoints.close()
    await server.close()
  })

  const options = (port: number, session?: string): NatsTransportOptions => ({
    url: server.url.replace(String(server.port), String(port)),
    reconnectMinMs: 50,
    ackWaitMs: 2_000,
    maxUnacknowledged: MAX_UNACKNOWLEDGED,
    ...(session === undefined ? {} : { name: session }),
    ...tlsOf(server),
  })

  describeTransport(name, async () => ({
    open: endpoints.open,
    interrupt: endpoints.interrupt,
    vanish: endpoints.vanish,
    maxUnacknowledged: MAX_UNACKNOWLEDGED,
    deadLetters: () => deadLettersAt({ servers: server.url, ...tlsOf(server) }),
    async restart(meanwhile) {
      await server.stop()
      await meanwhile()
      await server.start()
    },
  }))
}

function tlsOf({ authority }: Nats): { tls?: { ca: string; servername: string } } {
  return authority === undefined ? {} : { tls: { ca: authority.ca, servername: 'localhost' } }
}
