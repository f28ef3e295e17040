// SPDX-License-Identifier: Apache-2.0
/** Datagrams of anybody, at the group and at the endpoint. */
import { createHash } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import {
  codeName,
  CONTENT_FORMAT,
  GroupDatagrams,
  METHOD,
  OPTION,
  openGroupSocket,
  openUdpEndpoint,
  uintOption,
} from '@waxwing/coap'
import { WaxwingError, inboxAddress, isControlAddress, requestAddress } from '@waxwing/core'
import { MessageLog } from '@waxwing/testkit'
import { expect, it, onTestFinished } from 'vitest'
import { pathOptions, RESOURCE } from '../src/addresses.ts'
import { KeptMessages } from '../src/control/kept.ts'
import { questionOf } from '../src/control/questions.ts'
import { servingHandler } from '../src/control/serving.ts'
import { Feeds } from '../src/feeds.ts'
import { encodeInquiry, inquiryFor } from '../src/inquiry.ts'
import { udpTransport, type UdpTransport } from '../src/index.ts'
import { resolveOptions } from '../src/options.ts'
import { loopbackOptions } from './loopback.ts'

const INBOX = inboxAddress(new Uint8Array(32))
const MUTANTS = 2_000

type Options = ReturnType<typeof loopbackOptions>

/** A transport that listens to everything, serves and retains, and what it reports. */
async function target(options: Options): Promise<{
  transport: UdpTransport
  errors: unknown[]
  log: MessageLog
}> {
  const errors: unknown[] = []
  const transport = await udpTransport({ ...options, record: { serve: true } })
  onTestFinished(() => transport.close())
  transport.onStatus((status) => {
    if (status.state === 'error') errors.push(status.error)
  })
  const log = new MessageLog()
  for (const filter of ['#', `${INBOX}/#`, 'waxwing/v1/request/+', 'waxwing/v1/trust/#']) {
    await transport.subscribe(filter, log.acknowledge)
  }
  await transport.send('a/b', Buffer.from('data'), { retained: true })
  return { transport, errors, log }
}

async function boundSocket(address = '127.0.0.1'): Promise<Socket> {
  const socket = createSocket('udp4')
  socket.bind(0, address)
  await once(socket, 'listening')
  socket.setMulticastInterface('127.0.0.1')
  onTestFinished(() => void socket.close())
  return socket
}

/** 0 to below `below`, by a seed. */
function randomness(seed: number): (below: number) => number {
  let count = 0
  return (below) => {
    const digest = createHash('sha256').update(`${seed} ${count++}`).digest()
    return digest.readUInt32BE() % below
  }
}

/** What peers send each other, as it looks on the wire. */
async function seeds(): Promise<readonly Buffer[]> {
  const listener = await boundSocket()
  const { port } = listener.address()
  const taken: Buffer[] = []
  listener.on('message', (datagram) => taken.push(Buffer.from(datagram)))
  const endpoint = await openUdpEndpoint({ host: '127.0.0.1' })
  onTestFinished(() => endpoint.close())
  const inquiry = { filter: 'a/#', from: 0, until: undefined, now: Date.now(), cursor: undefined }
  const post = (address: string, payload: Uint8Array) => ({
    code: METHOD.POST,
    options: [
      ...pathOptions(address),
      uintOption(OPTION.contentFormat, CONTENT_FORMAT.octetStream),
    ],
    payload,
  })
  const all = [
    post('a/b', Buffer.from('payload')),
    post(INBOX, Buffer.alloc(300, 7)),
    post(requestAddress(Uint8Array.of(1, 2, 3, 4)), Buffer.from('request')),
    post(RESOURCE.kept, encodeInquiry(inquiry)),
    ...Object.values(RESOURCE).map((resource) => questionOf(resource, inquiry)),
    questionOf(RESOURCE.listeners, { ...inquiry, filter: INBOX }),
  ]
  for (const message of all) {
    await endpoint.announce(message, { address: '127.0.0.1', port }, 'token678')
  }
  await expect.poll(() => taken.length).toBe(all.length)
  return taken
}

function mutated(datagram: Buffer, random: (below: number) => number): Buffer {
  const bytes = [...datagram]
  for (let count = 1 + random(4); count > 0; count--) {
    const at = random(bytes.length + 1)
    const kind = random(4)
    if (kind === 0) bytes.splice(at, random(6))
    else if (kind === 1)
      bytes.splice(at, 0, ...Array.from({ length: random(6) }, () => random(256)))
    else if (kind === 2) bytes[at % Math.max(1, bytes.length)] = random(256)
    else bytes.length = at
  }
  if (random(3) > 0 && bytes.length > 0) bytes[0] = 0x40 | (random(2) << 4) | ((bytes[0] ?? 0) & 15)
  return Buffer.from(bytes)
}

it('goes on after thousands of changed datagrams, and reports what it cannot read', async () => {
  const options = loopbackOptions()
  const { transport, errors, log } = await target(options)
  const attacker = await boundSocket()
  const random = randomness(20_261)
  const originals = await seeds()
  for (let index = 0; index < MUTANTS; index++) {
    const datagram = mutated(originals[random(originals.length)] ?? Buffer.alloc(0), random)
    attacker.send(datagram, options.port, options.group)
    attacker.send(datagram, transport.unicastPort, '127.0.0.1')
    if (index % 50 === 0) await new Promise(setImmediate)
  }
  const friend = await udpTransport(options)
  onTestFinished(() => friend.close())
  await friend.send('a/b', Buffer.from('after all'))
  await friend.send(INBOX, Buffer.from('and control'))
  await log.containing(Buffer.from('after all'))
  await log.containing(Buffer.from('and control'))
  expect(errors.length).toBeGreaterThan(0)
  for (const error of errors) expect(error).toBeInstanceOf(WaxwingError)
  expect(log.messages.filter(({ address }) => isControlAddress(address))).toHaveLength(1)
})

it('answers nobody with more than was asked before the address is proved, however many ask', async () => {
  const options = loopbackOptions()
  const { transport, log } = await target(options)
  const random = randomness(7)
  const originals = await seeds()
  const heard = new Map<number, number>()
  const sent = new Map<number, number>()
  const sockets = await Promise.all(
    Array.from({ length: 40 }, (_, index) => boundSocket(`127.0.0.${index + 2}`)),
  )
  for (const [index, socket] of sockets.entries()) {
    socket.on('message', ({ length }) => heard.set(index, (heard.get(index) ?? 0) + length))
  }
  for (let count = 0; count < 4_000; count++) {
    const index = random(sockets.length)
    const datagram = Buffer.from(originals[random(originals.length)] ?? Buffer.alloc(0))
    datagram[0] = 0x40 | (random(2) << 4) | ((datagram[0] ?? 0) & 15)
    datagram.writeUInt16BE(count, 2)
    const isToGroup = random(2) === 0
    const [port, address] = isToGroup
      ? [options.port, options.group]
      : [transport.unicastPort, '127.0.0.1']
    sockets[index]?.send(datagram, port, address)
    sent.set(index, (sent.get(index) ?? 0) + datagram.length)
    if (count % 100 === 0) await new Promise(setImmediate)
  }
  await expect.poll(() => heard.size).toBe(sockets.length)
  for (const [index, bytes] of heard) expect(bytes).toBeLessThan(sent.get(index) ?? 0)
  // Nothing of it was done: control messages of peers that proved nothing are nobody's.
  expect(log.messages.filter(({ address }) => isControlAddress(address))).toEqual([])
})

it('sends nothing large to who says that it takes something, and has not proved its address', async () => {
  const options = loopbackOptions()
  const sender = await udpTransport({ ...options, closeTimeoutMs: 100 })
  onTestFinished(() => sender.close())
  const liar = await boundSocket()
  const lengths: number[] = []
  liar.on('message', ({ length }) => lengths.push(length))
  const datagrams = new GroupDatagrams({
    take: ({ peer, token }) => {
      const answer = Buffer.concat([Buffer.of(0x58, 0x45, 0, 1), Buffer.from(token, 'latin1')])
      liar.send(answer, peer.port, '127.0.0.1')
    },
    report: () => undefined,
    now: () => performance.now(),
  })
  const group = await openGroupSocket({
    ...options,
    receive: (datagram, from) => datagrams.receive(datagram, from),
    report: () => undefined,
  })
  onTestFinished(() => group.close())
  const sending = Promise.allSettled([sender.send(INBOX, new Uint8Array(5_000))])
  await expect.poll(() => lengths.length).toBeGreaterThan(1)
  await sender.close()
  expect(await sending).toMatchObject([{ status: 'rejected', reason: { name: 'WaxwingError' } }])
  expect(Math.max(...lengths)).toBeLessThan(150)
})

it('does not read its record as often as anybody asks', async () => {
  const feed = { maxUnacknowledged: 1, maxWaitingSends: 1, maxWaitingBytes: 1, retryHandlerMs: 1 }
  const report = (error: unknown): never => {
    throw error
  }
  const costly = { cursor: undefined, now: 0, items: [], readBytes: 1e12 }
  const holder = await openUdpEndpoint({
    host: '127.0.0.1',
    handler: servingHandler({
      options: resolveOptions({}),
      maxMessageBytes: 1_152,
      feeds: new Feeds({ ...feed, report }),
      kept: new KeptMessages(report, report),
      record: () => ({ page: async () => costly }),
      correspondents: () => report(new Error('nobody is learned of')),
      isNear: () => true,
      report,
    }),
  })
  const asker = await openUdpEndpoint({ host: '127.0.0.1' })
  onTestFinished(async () => {
    await asker.close()
    await holder.close()
  })
  const ask = async (): Promise<string> => {
    const request = questionOf(RESOURCE.record, inquiryFor('nothing'))
    const { signal } = new AbortController()
    const peer = { address: '127.0.0.1', port: holder.address.port }
    return codeName((await asker.network({ ...request, peer, signal, confirmable: true })).code)
  }
  expect([await ask(), await ask()]).toEqual(['2.05', '5.03'])
})

it('drops and reports data that handlers cannot keep up with, and nothing else', async () => {
  const options = { ...loopbackOptions(), maxWaitingSends: 10 }
  const [sender, receiver] = [await udpTransport(options), await udpTransport(options)]
  onTestFinished(async () => {
    await sender.close()
    await receiver.close()
  })
  const errors: unknown[] = []
  receiver.onStatus((status) => {
    if (status.state === 'error') errors.push(status.error)
  })
  const [held, control] = [new MessageLog(), new MessageLog()]
  await receiver.subscribe('a', held.hold)
  await receiver.subscribe(INBOX, control.acknowledge)
  for (let index = 0; index < 60; index++) await sender.send('a', Uint8Array.of(index))
  await expect.poll(() => errors.length).toBe(60 - options.maxUnacknowledged - 10)
  for (const error of errors) expect(error).toMatchObject({ code: 'ERR_LIMIT' })
  await sender.send(INBOX, Uint8Array.of(1))
  expect(control.messages).toHaveLength(1)
})
