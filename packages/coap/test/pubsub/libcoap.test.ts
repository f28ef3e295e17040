// SPDX-License-Identifier: Apache-2.0
/** Beside others at libcoap's server, which loses everything when it ends, and over a bad network. */
import { expect, it, onTestFinished } from 'vitest'
import { inboxAddress, utf8 } from '@waxwing/core'
import {
  expectReceived,
  libcoapAvailable,
  MessageLog,
  requireOrSkip,
  runCoapClient,
  startCoapServer,
  startLossyRelay,
  type LibcoapServer,
} from '@waxwing/testkit'
import { IMPATIENT, Opened } from './opened.js'

const describeWithLibcoap = requireOrSkip('libcoap', libcoapAvailable())
const INBOX = inboxAddress(new Uint8Array(32))

describeWithLibcoap('the transport at libcoap', () => {
  it('hears what a plain CoAP client publishes, and is heard by one', async () => {
    const { url } = await broker()
    const transport = opened(url, { discoverMs: 50 })
    const log = new MessageLog()
    await transport.subscribe('light/+', log.acknowledge)
    await runCoapClient(['-m', 'put', '-e', 'on', `${url}/light/1`])
    await expectReceived(log, utf8('on'))
    await transport.send('light/2', utf8('off'))
    expect((await runCoapClient([`${url}/light/2`])).text).toBe('off')
    const listing = await runCoapClient([`${url}/.well-known/core?href=/light*`])
    expect(listing.text).toMatch(/<\/light\/1>.*<\/light\/2>/)
  })

  it('carries addresses with any characters', async () => {
    const { url } = await broker()
    const transport = opened(url)
    const log = new MessageLog()
    const address = 'süd/wind %2F & "so" <x>/;,?=\\/a//b/'
    await transport.subscribe('süd/#', log.acknowledge)
    await transport.send(address, utf8('7'))
    expect((await log.at(0)).address).toBe(address)
  })

  it('goes on when the server lost everything', async () => {
    const server = await broker()
    const notice = new Opened()
    const [sender, receiver] = [notice, notice].map((each) => {
      const transport = each.open({ url: server.url, ...IMPATIENT })
      onTestFinished(() => transport.close())
      return transport
    })
    const [log, control] = [new MessageLog(), new MessageLog()]
    await receiver?.subscribe('light/#', log.acknowledge)
    await receiver?.subscribe(`${INBOX}/#`, control.acknowledge)
    await sender?.send('light/1', utf8('before'))
    await log.at(0)
    await server.stop()
    await notice.noticed()
    await server.start()
    await sender?.send('light/1', utf8('after'))
    await sender?.send(INBOX, utf8('control'))
    await expectReceived(log, utf8('after'))
    await expectReceived(control, utf8('control'))
  })

  it.each([
    // A last block that comes twice and late is a body of its own to libcoap 4.3.1.
    [
      'lost, doubled or late',
      { loss: 0.2, duplication: 0.2, reordering: 0.2, delayMs: 10 },
      20,
      300,
    ],
    ['lost', { loss: 0.2 }, 4, 3_000],
  ])(
    'loses no control message where a fifth of all datagrams is %s',
    async (_, rates, length, bytes) => {
      const server = await broker()
      const relay = await startLossyRelay({ targetPort: server.port, seed: 4, ...rates })
      onTestFinished(() => relay.close())
      const url = `coap://127.0.0.1:${relay.port}`
      const transmission = { ackTimeoutMs: 40, maxRetransmit: 8 }
      const [sender, receiver] = [opened(url, { transmission }), opened(url, { transmission })]
      const log = new MessageLog()
      await receiver.subscribe(`${INBOX}/#`, log.acknowledge)
      const payloads = Array.from({ length }, (_each, index) => new Uint8Array(bytes).fill(index))
      await Promise.all(payloads.map((payload) => sender.send(INBOX, payload)))
      await expectReceived(log, ...payloads)
      expect(relay.stats.lost).toBeGreaterThan(10)
    },
  )

  it('says so where the server takes no more resources', async () => {
    const { url } = await broker(2)
    const transport = opened(url)
    await transport.send('light/1', utf8('on'))
    await expect(
      Promise.all([transport.send('light/2', utf8('on')), transport.send('light/3', utf8('on'))]),
    ).rejects.toMatchObject({ code: 'ERR_TRANSPORT' })
    expect((await runCoapClient([`${url}/light/1`])).text).toBe('on')
  })
})

async function broker(dynamicResources = 100): Promise<LibcoapServer> {
  const server = await startCoapServer({ dynamicResources })
  onTestFinished(() => server.close())
  return server
}

function opened(url: string, options: Partial<Parameters<Opened['open']>[0]> = {}) {
  const transport = new Opened().open({ url, ...IMPATIENT, ...options })
  onTestFinished(() => transport.close())
  return transport
}
