// SPDX-License-Identifier: Apache-2.0
/** Every byte from outside is hostile: a server that sends what no server may send harms nothing. */
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import * as fc from 'fast-check'
import rhea, { type Connection, type Container, type EventContext } from 'rhea'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { TransportStatus } from '@waxwing/core'
import { MessageLog } from '@waxwing/testkit'
import { sendPayload, socketOf, startPeer, transportTo } from './scripted-peer.js'

const MARKER = Uint8Array.of(0xee)

/** A frame of AMQP on a channel: its performative, as the list of these encoded values. */
function frame(
  channel: number,
  descriptor: number,
  ...values: readonly (readonly number[])[]
): Buffer {
  const fields = values.flat()
  const list = [0xd0, ...uint(fields.length + 4), ...uint(values.length), ...fields]
  return framed(channel, [0x00, 0x53, descriptor, ...list])
}

function framed(channel: number, body: readonly number[], type = 0): Buffer {
  return Buffer.from([...uint(8 + body.length), 2, type, channel >> 8, channel & 0xff, ...body])
}

function uint(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff]
}

const NULL = [0x40]
const TRUE = [0x41]
const text = (value: string): number[] => [0xa1, value.length, ...Buffer.from(value)]
const number = (value: number): number[] => [0x70, ...uint(value)]
const bytes = (value: readonly number[]): number[] => [0xa0, value.length, ...value]
const nested = (depth: number): number[] => {
  const heads = Array.from({ length: depth }, (_, index) => {
    const inner = 9 * (depth - index - 1) + 1
    return [0xd0, ...uint(inner + 4), ...uint(1)]
  })
  return [...heads.flat(), 0x40]
}
const BOMB = [0xf0, ...uint(5), 0xff, 0xff, 0xff, 0xff, 0x40]
/** A transfer over handle 0 of delivery 0. */
const transfer = (...rest: readonly (readonly number[])[]): Buffer =>
  frame(0, 0x14, number(0), number(0), bytes([0]), number(0), ...rest)

/** What a server sends once the client receives from it. */
const ATTACKS: readonly (readonly [string, () => Buffer | readonly Buffer[]])[] = [
  ['bytes that are no frames', () => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ['a protocol header in the middle', () => Buffer.from('AMQP\0\0\x09\x01')],
  ['a frame of four gigabytes', () => Buffer.from([0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0])],
  ['a frame of no bytes', () => Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0])],
  ['a frame whose body begins beyond its end', () => Buffer.from([0, 0, 0, 8, 9, 0, 0, 0])],
  ['a frame of SASL', () => framed(0, [0x00, 0x53, 0x44, 0xc0, 3, 1, 0x50, 0], 1)],
  ['a performative that does not exist', () => frame(0, 0x77, TRUE)],
  ['a performative that is a number', () => framed(0, [0x70, 0, 0, 0, 1])],
  ['an array of four thousand million nothings', () => frame(0, 0x13, BOMB)],
  ['values a thousand deep', () => frame(0, 0x13, nested(1_000))],
  ['a list longer than its bytes', () => framed(0, [0, 0x53, 0x13, 0xd0, ...uint(4), ...uint(99)])],
  ['a second open', () => frame(0, 0x10, text('me'))],
  ['a session that nobody asked for', () => frame(9, 0x11, NULL, number(0), number(9), number(9))],
  [
    'a frame for a session that is not there',
    () => frame(77, 0x13, number(0), number(9), number(0)),
  ],
  ['a link that nobody asked for', () => frame(0, 0x12, text('no one'), number(7), TRUE)],
  ['a link with the name of a method', () => frame(0, 0x12, text('constructor'), number(7), TRUE)],
  ['a second attach', () => frame(0, 0x12, text('x'), number(0), TRUE)],
  [
    'a transfer for a link that is not there',
    () => frame(0, 0x14, number(99), number(0), bytes([1])),
  ],
  [
    'a transfer out of turn',
    () => frame(0, 0x14, number(0), number(12_345), bytes([1]), number(0)),
  ],
  ['a message that is aborted', () => transfer(TRUE, NULL, NULL, NULL, NULL, TRUE)],
  [
    'a settlement of all deliveries there can be',
    () => frame(0, 0x15, TRUE, number(0), number(0xffff_ffff), TRUE),
  ],
  [
    'a disposition with an outcome that is none',
    () => frame(0, 0x15, TRUE, number(0), NULL, TRUE, TRUE),
  ],
  ['a detach of a link that is not there', () => frame(0, 0x16, number(31), TRUE)],
  [
    'an end of the session, with an error',
    () => frame(0, 0x17, [0, 0x53, 0x1d, 0xc0, 4, 1, 0xa3, 1, 0x61]),
  ],
  ['an end of the session, without a word', () => frame(0, 0x17)],
  ['a close, with an error', () => frame(0, 0x18, [0, 0x53, 0x1d, 0xc0, 4, 1, 0xa3, 1, 0x61])],
  ['a close, without a word', () => frame(0, 0x18)],
]

/** Serves the first connection with an attack, and the second one as it should be. */
async function afterAttack(attack: (connection: Connection) => void): Promise<TransportStatus[]> {
  let connectionCount = 0
  const { url } = await startPeer((container) => {
    container.on('connection_open', () => connectionCount++)
    container.on('sendable', ({ sender, connection }: EventContext) => {
      if (connectionCount > 1) sendPayload(sender, [...MARKER])
      else attack(connection)
    })
  })
  const transport = transportTo(url)
  const statuses: TransportStatus[] = []
  transport.onStatus((status) => statuses.push(status))
  const log = new MessageLog()
  await transport.subscribe('waxwing/v1/inbox/x', log.acknowledge)
  await log.containing(MARKER)
  return statuses
}

describe('a server that sends', () => {
  it.each(ATTACKS)('%s loses the connection, and the next one works', async (_, attack) => {
    const statuses = await afterAttack((connection) => {
      for (const each of [attack()].flat()) socketOf(connection).write(each)
      // What only makes a link wait is ended by the server in the end.
      setTimeout(() => socketOf(connection).destroy(), 200)
    })
    expect(statuses.map(({ state }) => state)).toContain('disconnected')
  })

  it('a message without an end is not collected for ever', async () => {
    const part = transfer(NULL, TRUE)
    const rest = frame(0, 0x14, number(0), NULL, NULL, NULL, NULL, TRUE)
    const payload = Buffer.alloc(60_000)
    const withPayload = (head: Buffer): Buffer => {
      const whole = Buffer.concat([head, payload])
      whole.writeUInt32BE(whole.length)
      return whole
    }
    let sent = 0
    const statuses = await afterAttack((connection) => {
      const socket = socketOf(connection) as Socket
      socket.write(withPayload(part))
      const more = (): void => {
        if (socket.destroyed || sent > 4_000) return
        sent++
        socket.write(withPayload(rest), () => setImmediate(more))
      }
      more()
    })
    expect(statuses.map(({ state }) => state)).toContain('disconnected')
    expect(sent).toBeGreaterThan(1_000)
    expect(sent).toBeLessThan(4_000)
  })
})

describe('a server that offers', () => {
  const refuseFirst = async (options: object): Promise<readonly TransportStatus[]> => {
    const server = createServer()
    let isFirst = true
    const containers = [options, {}].map((each) => {
      const container: Container = rhea.create_container(each)
      for (const event of ['error', 'protocol_error', 'disconnected', 'connection_error']) {
        container.on(event, () => undefined)
      }
      container.on('message', ({ delivery }: EventContext) => delivery?.accept())
      return container
    })
    server.on('connection', (socket) => {
      const container = containers[isFirst ? 0 : 1]
      isFirst = false
      const connection = container?.create_connection(options as never)
      ;(connection as unknown as { accept(socket: Socket): void } | undefined)?.accept(socket)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const transport = transportTo(`amqp://127.0.0.1:${(server.address() as AddressInfo).port}`)
    const statuses: TransportStatus[] = []
    transport.onStatus((status) => statuses.push(status))
    await expect.poll(() => statuses.length).toBeGreaterThan(0)
    return statuses
  }

  it('frames too small to hold anything is left', async () => {
    const [first] = await refuseFirst({ max_frame_size: 60 })
    expect(first).toMatchObject({ state: 'error', error: { code: 'ERR_TRANSPORT' } })
  })
})

it('survives whatever a server sends, and works with the next one that behaves', async () => {
  let poison: readonly Uint8Array[] | undefined
  const { url } = await startPeer((container) => {
    container.on('sendable', ({ sender, connection }: EventContext) => {
      if (poison === undefined) {
        sendPayload(sender, [...MARKER])
        return
      }
      for (const each of poison) socketOf(connection).write(each)
      poison = undefined
      setTimeout(() => socketOf(connection).destroy(), 5)
    })
  })
  const seeds = ATTACKS.map(([, attack]) => Buffer.concat([attack()].flat()))
  const changed = fc
    .tuple(fc.constantFrom(...seeds), fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { maxLength: 4 }))
    .map(([seed, changes]) => {
      const copy = new Uint8Array(seed)
      for (const [at, value] of changes) copy[at % copy.length] = value
      return copy
    })
  const property = fc.asyncProperty(fc.array(changed, { maxLength: 4 }), async (parts) => {
    poison = parts
    const transport = transportTo(url, { reconnectMinMs: 1, reconnectMaxMs: 2 })
    const log = new MessageLog()
    await transport.subscribe('waxwing/v1/inbox/x', log.acknowledge)
    await log.containing(MARKER)
    await transport.close()
  })
  await fc.assert(property, { numRuns: 60, endOnFailure: true })
})
