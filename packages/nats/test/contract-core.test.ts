// SPDX-License-Identifier: Apache-2.0
/** The contract over core NATS, on a server that has no JetStream. */
import { afterAll, beforeAll } from 'vitest'
import { natsTransport } from '@waxwing/nats'
import {
  describeTransport,
  natsAvailable,
  ProxiedEndpoints,
  requireOrSkip,
  startNats,
  type Nats,
} from '@waxwing/testkit'

const MAX_UNACKNOWLEDGED = 16

requireOrSkip('nats-server', natsAvailable())('core NATS', () => {
  let server: Nats
  let endpoints: ProxiedEndpoints

  beforeAll(async () => {
    server = await startNats({ jetstream: false })
    endpoints = new ProxiedEndpoints(server.port, (port) =>
      natsTransport({
        url: `nats://127.0.0.1:${port}`,
        delivery: 'core',
        reconnectMinMs: 50,
        maxUnacknowledged: MAX_UNACKNOWLEDGED,
      }),
    )
  })

  afterAll(async () => {
    await endpoints.close()
    await server.close()
  })

  describeTransport(
    'core NATS',
    async () => ({
      open: endpoints.open,
      interrupt: endpoints.interrupt,
      vanish: endpoints.vanish,
      maxUnacknowledged: MAX_UNACKNOWLEDGED,
    }),
    {
      retained: 'core NATS keeps nothing',
      history: 'core NATS keeps nothing',
      sessions: 'core NATS keeps nothing',
      redelivered: 'core NATS delivers at most once',
      interruption: 'core NATS delivers at most once',
      vanishing: 'core NATS delivers at most once',
      'group-handover': 'core NATS delivers at most once',
      rejection: 'core NATS has no place for what is rejected',
      restart: 'core NATS keeps nothing',
    },
  )
})
