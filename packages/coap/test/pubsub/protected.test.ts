// SPDX-License-Identifier: Apache-2.0
/** The way to the broker, protected: the broker knows who asks, and nobody between reads addresses. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { memoryStore } from '@waxwing/client'
import {
  coapServer,
  openCoapSecurity,
  type CoapSecurity,
  type PresharedContext,
} from '@waxwing/coap'
import { inboxAddress } from '@waxwing/core'
import { nodeProvider as crypto } from '@waxwing/core/node'
import { expectReceived, MessageLog } from '@waxwing/testkit'
import { MemoryBroker } from './memory-broker.js'
import { Opened } from './opened.js'

const INBOX = inboxAddress(new Uint8Array(32))
const masterSecret = new Uint8Array(16).fill(3)

describe('the transport to a broker that protects its resources', () => {
  it('observes, sends and discovers by OSCORE', async () => {
    const broker = new MemoryBroker()
    const server = await protectedServer(broker)
    const authorities = [`127.0.0.1:${server}`]
    const security = await openSecurity({
      senderId: Uint8Array.of(1),
      recipientId: Uint8Array.of(2),
      authorities,
    })
    const transport = new Opened().open({ url: `coap://127.0.0.1:${server}`, security })
    onTestFinished(() => transport.close())
    const [log, control] = [new MessageLog(), new MessageLog()]
    await transport.subscribe('plant/#', log.acknowledge)
    await transport.subscribe(`${INBOX}/#`, control.acknowledge)
    const long = new Uint8Array(5_000).fill(7)
    await transport.send('plant/1', Uint8Array.of(1))
    await log.at(0)
    await transport.send('plant/1', long)
    await transport.send(INBOX, long)
    await expectReceived(log, Uint8Array.of(1), long)
    await expectReceived(control, long)
    expect(broker.paths).toContain('/plant/1')
  })

  it('is refused without keys', async () => {
    const port = await protectedServer(new MemoryBroker())
    const transport = new Opened().open({ url: `coap://127.0.0.1:${port}` })
    onTestFinished(() => transport.close())
    const sent = transport.send('plant/1', Uint8Array.of(1))
    await expect(sent).rejects.toMatchObject({
      code: 'ERR_TRANSPORT',
      message: expect.stringContaining('4.01'),
    })
  })
})

/** @returns The port. */
async function protectedServer(broker: MemoryBroker): Promise<number> {
  const security = await openSecurity({ senderId: Uint8Array.of(2), recipientId: Uint8Array.of(1) })
  const handler = security.protect(broker.resources)
  const server = await coapServer({ host: '127.0.0.1', port: 0, handler })
  onTestFinished(() => server.close())
  return server.address.port
}

function openSecurity(ids: Partial<PresharedContext>): Promise<CoapSecurity> {
  const context = { name: 'broker', masterSecret, ...ids } as PresharedContext
  return openCoapSecurity({ store: memoryStore(), crypto, contexts: [context] })
}
