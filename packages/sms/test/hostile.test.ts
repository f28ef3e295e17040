// SPDX-License-Identifier: Apache-2.0
/** A centre that sends what it likes: the client stays up, or comes back, and says what was wrong. */
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { WaxwingError } from '@waxwing/core'
import { MessageLog } from '@waxwing/testkit'
import { segmentsOf } from '../src/sending/segments.js'
import { dataOf, errorsOf, NEAR, transportAt } from './support/stage.ts'

/** Numbers that look random and are the same each time (xorshift32). */
class Dice {
  #state: number
  constructor(seed: number) {
    this.#state = seed
  }
  below(bound: number): number {
    this.#state ^= this.#state << 13
    this.#state ^= this.#state >>> 17
    this.#state ^= this.#state << 5
    return (this.#state >>> 0) % bound
  }
}

function pdu(command: number, sequence: number, body: Uint8Array, status = 0): Buffer {
  const header = Buffer.alloc(16)
  for (const [i, value] of [16 + body.length, command, status, sequence].entries()) {
    header.writeUInt32BE(value, 4 * i)
  }
  return Buffer.concat([header, body])
}

function deliverBody(esmClass: number, dataCoding: number, message: Uint8Array): Buffer {
  const addresses = Buffer.from('0001013439313531000101343931353200', 'hex')
  const flags = Buffer.of(esmClass, 0, 0, 0, 0, 0, 0, dataCoding, 0, message.length)
  return Buffer.concat([addresses, flags, message])
}

/** What a centre may send, right as it is. */
function seeds(): Buffer[] {
  const terms = { coding: 'binary', alphabet: 'gsm', concatenation: '16-bit' } as const
  const segments = segmentsOf(dataOf(400), () => 77, terms)
  const receipt = Buffer.from('id:12 sub:001 dlvrd:001 stat:DELIVRD err:000 text:')
  const tags = Buffer.from('020c00020102020e000102020f000101001e00023132000427000102', 'hex')
  return [
    ...segments.map(({ message }, i) => pdu(5, 100 + i, deliverBody(0x40, 4, message))),
    pdu(5, 7, deliverBody(0, 4, dataOf(60))),
    pdu(5, 8, deliverBody(0, 0, Buffer.from(':%0000000000'))),
    pdu(5, 9, Buffer.concat([deliverBody(4, 0, receipt), tags])),
    pdu(
      5,
      10,
      Buffer.concat([deliverBody(0, 4, Buffer.of()), Buffer.from('042400040011d0aa', 'hex')]),
    ),
    pdu(0x15, 11, Buffer.of()),
    pdu(0x8000_0004, 3, Buffer.from('3132\0')),
    pdu(0x8000_0000, 0, Buffer.of(), 3),
    pdu(0x103, 12, deliverBody(0, 4, dataOf(5))),
  ]
}

/** Changes bytes, lengths and fields of a packet. */
function changed(original: Buffer, dice: Dice): Buffer {
  const bytes = Buffer.from(original)
  for (let count = 1 + dice.below(4); count > 0; count--) {
    const at = dice.below(bytes.length)
    if (dice.below(4) === 0) bytes[at] = [0, 1, 0x7f, 0x80, 0xff][dice.below(5)]!
    else bytes[at] = dice.below(256)
  }
  const kind = dice.below(4)
  if (kind === 0) return bytes.subarray(0, dice.below(bytes.length))
  // Mostly the length is right: else nothing behind it is ever looked at.
  if (kind !== 1) bytes.writeUInt32BE(bytes.length, 0)
  return bytes
}

/** A centre that takes any bind, and then sends what it is given. */
async function centreOf(bytesFor: (connection: number) => Buffer | undefined): Promise<{
  port: number
  connections: () => number
}> {
  const sockets = new Set<Socket>()
  let count = 0
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('data', () => {
      socket.write(pdu(0x8000_0009, 1, Buffer.from('c\0')))
      const bytes = bytesFor(count++)
      if (bytes !== undefined) socket.write(bytes, () => setTimeout(() => socket.destroy(), 5))
    })
    socket.resume()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, connections: () => count }
}

it('3,000 changed packets end in typed errors at the most, and the client is up after them', async () => {
  const ROUNDS = 60
  const [dice, originals] = [new Dice(20_261_123), seeds()]
  const packets = (): Buffer =>
    Buffer.concat(
      Array.from({ length: 50 }, () => changed(originals[dice.below(originals.length)]!, dice)),
    )
  const rounds = Array.from({ length: ROUNDS }, packets)
  const centre = await centreOf((connection) => rounds[connection])
  const transport = transportAt(centre, NEAR, { reconnectMinMs: 1, reconnectMaxMs: 2, holdMs: 50 })
  const [errors, log] = [errorsOf(transport), new MessageLog()]
  await transport.subscribe('#', log.tolerant)
  await expect.poll(centre.connections).toBeGreaterThan(ROUNDS)
  expect(errors.filter((error) => !(error instanceof WaxwingError))).toEqual([])
  const codes = new Set((errors as WaxwingError[]).map(({ code }) => code))
  for (const code of codes) {
    expect(['ERR_TRANSPORT', 'ERR_MALFORMED', 'ERR_UNSUPPORTED', 'ERR_LIMIT']).toContain(code)
  }
  expect(codes).toContain('ERR_MALFORMED')
  await transport.close()
})

it('packets one by one, each over a connection of its own, change nothing of the next', async () => {
  const [dice, originals] = [new Dice(7), seeds()]
  const good = pdu(5, 200, deliverBody(0, 4, dataOf(33)))
  const centre = await centreOf((connection) => {
    const original = originals[connection % originals.length]!
    return changed(original, dice)
  })
  const transport = transportAt(centre, NEAR, { reconnectMinMs: 1, reconnectMaxMs: 1 })
  await transport.subscribe('#', new MessageLog().tolerant)
  await expect.poll(centre.connections).toBeGreaterThan(150)
  await transport.close()

  const kind = await centreOf(() => good)
  const [after, log] = [transportAt(kind, NEAR), new MessageLog()]
  await after.subscribe('sms/#', log.tolerant)
  expect((await log.at(0)).payload).toEqual(dataOf(33))
})

it.each([
  ['a length of nothing', '00000000'],
  ['a length below a header', '0000000f000000150000000000000001'],
  ['a length of four gigabytes', 'ffffffff000000150000000000000001'],
  ['a length of a megabyte', '00100000000000150000000000000001'],
])('%s ends the connection, which is made again', async (_what, hex) => {
  const centre = await centreOf(() => Buffer.from(hex.padEnd(32, '0'), 'hex'))
  const transport = transportAt(centre, NEAR)
  const errors = errorsOf(transport)
  await expect.poll(centre.connections).toBeGreaterThan(2)
  expect(errors).toContainEqual(expect.objectContaining({ code: 'ERR_MALFORMED' }))
})

it('a flood of beginnings that never end is bounded, and so is one that nobody takes', async () => {
  const flood = Buffer.concat(
    Array.from({ length: 20_000 }, (_, i) => {
      const header = Buffer.of(6, 8, 4, i >> 8, i, 255, 1)
      const message = Buffer.concat([header, Buffer.alloc(133, i)])
      return pdu(
        5,
        i + 1,
        i % 2 === 0 ? deliverBody(0x40, 4, message) : deliverBody(0, 4, dataOf(140, i)),
      )
    }),
  )
  const centre = await centreOf((connection) => (connection < 2 ? flood : undefined))
  const transport = transportAt(centre, NEAR, { maxIncomplete: 100 })
  let givenUp = 0
  transport.onStatus((status) => {
    if (status.state === 'error') givenUp++
  })
  await transport.subscribe('other', new MessageLog().hold)
  await expect.poll(centre.connections).toBeGreaterThan(2)
  expect(givenUp).toBeGreaterThan(0)
})
