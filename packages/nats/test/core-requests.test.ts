// SPDX-License-Identifier: Apache-2.0
/** Requests over core NATS, their answers, and what the server forbids. */
import { headers } from '@nats-io/transport-node'
import { expect, it, onTestFinished } from 'vitest'
import { inboxAddress, requestAddress, type Transport, type TransportStatus } from '@waxwing/core'
import { natsTransport } from '@waxwing/nats'
import { MessageLog, natsAvailable, requireOrSkip, startNats, type Nats } from '@waxwing/testkit'
import { rawClient } from './raw.js'

const ONE = Uint8Array.of(1)
const TWO = Uint8Array.of(2)
const REQUEST = requestAddress(new Uint8Array(8).fill(7))
const INBOX = inboxAddress(new Uint8Array(32).fill(9))
const OTHER = inboxAddress(new Uint8Array(32).fill(8))

/** The reader may ask, and nothing else; the granter may listen and answer, and nothing else. */
const RIGHTS = `authorization { users: [
  { user: reader, password: x, permissions: {
    publish: ["waxwing.v1.request.>"], subscribe: ["_INBOX.>"] } },
  { user: granter, password: x, permissions: {
    publish: { deny: ">" }, subscribe: ["waxwing.>", "_INBOX.>"], allow_responses: { max: 5 } } },
  { user: any, password: x }
] }`

requireOrSkip('nats-server', natsAvailable())('requests over core NATS', () => {
  it('are answered where nobody may publish to an inbox, nor subscribe to it', async () => {
    const server = await started(RIGHTS)
    const [reader, granter] = [open(server, 'reader'), open(server, 'granter')]
    const [asked, got] = [new MessageLog(), new MessageLog()]
    await granter.subscribe(REQUEST, asked.acknowledge)
    await reader.subscribe(`${INBOX}/#`, got.acknowledge)
    await reader.send(REQUEST, ONE)
    expect((await asked.at(0)).payload).toEqual(ONE)
    await granter.send(INBOX, ONE, { properties: { trace: 'abc' } })
    await granter.send(`${INBOX}/below`, TWO)
    expect(await got.at(0)).toMatchObject({
      address: INBOX,
      payload: ONE,
      properties: { trace: 'abc' },
    })
    expect(await got.at(1)).toMatchObject({ address: `${INBOX}/below`, payload: TWO })
  })

  it('have their answers come to the inbox as well, whatever a forged hint says', async () => {
    const server = await started()
    const [reader, granter, client] = [
      open(server),
      open(server),
      await rawClient({ servers: server.url }),
    ]
    const [asked, got] = [new MessageLog(), new MessageLog()]
    await granter.subscribe(REQUEST, asked.acknowledge)
    await reader.subscribe(`${INBOX}/#`, got.acknowledge)
    const hint = headers()
    hint.set('Waxwing-Inbox', INBOX.replaceAll('/', '.'))
    const taken: string[] = []
    const subjects = [
      '_INBOX.thief.1',
      'waxwing.data.plant.1',
      '$SYS.REQ',
      '_INBOX.*',
      '_INBOX.a..b',
    ]
    client.subscribe('>', {
      callback: (_error, { subject, data }) => void (data[0] === 2 && taken.push(subject)),
    })
    for (const [index, reply] of subjects.entries()) {
      client.publish(REQUEST.replaceAll('/', '.'), Uint8Array.of(7), { reply, headers: hint })
      await asked.at(index)
    }
    await granter.send(INBOX, TWO)
    expect((await got.at(0)).payload).toEqual(TWO)
    await client.flush()
    expect(taken.toSorted()).toEqual(['_INBOX.thief.1', INBOX.replaceAll('/', '.')].toSorted())
  })

  it('let nobody who answers reach any other address than the inbox', async () => {
    const server = await started()
    const [reader, client] = [open(server), await rawClient({ servers: server.url })]
    const [inbox, other, data] = [new MessageLog(), new MessageLog(), new MessageLog()]
    await reader.subscribe(`${INBOX}/#`, inbox.acknowledge)
    await reader.subscribe('plant/#', data.acknowledge)
    await reader.subscribe(`${OTHER}/#`, other.acknowledge)
    client.subscribe(REQUEST.replaceAll('/', '.'), {
      callback: (_error, { reply = '' }) => {
        for (const address of ['plant/1', OTHER, REQUEST, '', `${INBOX}x`, INBOX]) {
          const lie = headers()
          lie.set('Waxwing-For', address.replaceAll('/', '.'))
          client.publish(reply, Buffer.from(address), { headers: lie })
        }
      },
    })
    await client.flush()
    await reader.send(REQUEST, ONE)
    expect((await inbox.at(0)).payload).toEqual(new Uint8Array(Buffer.from(INBOX)))
    expect([inbox, other, data].map(({ messages }) => messages.length)).toEqual([1, 0, 0])
  })

  it('say at once that nobody listens', async () => {
    const reader = open(await started())
    const said = statuses(reader)
    await reader.send(REQUEST, ONE)
    await expect.poll(() => String(said)).toContain(`nobody listens at ${REQUEST}`)
    await reader.send(INBOX, ONE)
    await reader.send(REQUEST, ONE)
    await expect.poll(() => said.length).toBe(2)
  })

  it('that the server forbids fail, and so do all sends that it forbids', async () => {
    const server = await started(RIGHTS)
    const [reader, granter] = [open(server, 'reader'), open(server, 'granter')]
    await reader.send(REQUEST, ONE)
    const sends = ['plant/1', REQUEST, INBOX].map((address) => reader.send(address, ONE))
    const outcomes = await Promise.allSettled(sends)
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected'])
    await expect(granter.send(REQUEST, ONE)).rejects.toMatchObject({
      code: 'ERR_TRANSPORT',
      message: expect.stringContaining('no permission') as string,
    })
    await expect(granter.send(INBOX, ONE)).rejects.toMatchObject({ code: 'ERR_TRANSPORT' })
  })
})

async function started(...config: readonly string[]): Promise<Nats> {
  const server = await startNats({ jetstream: false, config })
  onTestFinished(() => server.close())
  return server
}

function open({ url }: Nats, username?: string): Transport {
  const login = username === undefined ? {} : { username, password: 'x' }
  const transport = natsTransport({ url, delivery: 'core', reconnectMinMs: 50, ...login })
  onTestFinished(() => transport.close())
  return transport
}

function statuses(transport: Transport): unknown[] {
  const errors: unknown[] = []
  transport.onStatus((status: TransportStatus) => {
    if (status.state === 'error') errors.push(status.error)
  })
  return errors
}
