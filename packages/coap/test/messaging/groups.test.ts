// SPDX-License-Identifier: Apache-2.0
/** Requests to groups and their responses (RFC 7252 Section 8). */
import { code, type CoapMessage } from '@waxwing/oscore'
import { describe, expect, it, onTestFinished } from 'vitest'
import { encodeDatagram, TYPE } from '../../src/messaging/datagram.ts'
import { GroupDatagrams, type GroupRequest } from '../../src/messaging/group-datagrams.ts'
import { openGroupSocket } from '../../src/messaging/index.ts'
import { CHANGED, CONTENT, openClient, POST } from './endpoints.ts'

const PEER = { address: '127.0.0.1', port: 4_000 }
const REQUEST: CoapMessage = { code: POST, options: [], payload: Buffer.from('hello') }

function groupAt(start = 0): {
  datagrams: GroupDatagrams
  taken: GroupRequest[]
  errors: unknown[]
  pass: (ms: number) => void
} {
  const [taken, errors]: [GroupRequest[], unknown[]] = [[], []]
  let now = start
  const datagrams = new GroupDatagrams({
    take: (request) => taken.push(request),
    report: (error) => errors.push(error),
    now: () => now,
    maxRemembered: 3,
  })
  return { datagrams, taken, errors, pass: (ms) => (now += ms) }
}

const datagram = (id: number, token = 'abcd', type: number = TYPE.non): Buffer =>
  encodeDatagram(type, id, token, REQUEST)

describe('datagrams of a group', () => {
  it('are taken once each, with what a response needs', () => {
    const { datagrams, taken } = groupAt()
    for (const id of [1, 1, 2, 1]) datagrams.receive(datagram(id), PEER)
    expect(taken).toHaveLength(2)
    expect(taken[0]).toMatchObject({ token: 'abcd', peer: PEER, bytes: datagram(1).length })
  })

  it('are duplicates only of the same sender, and only for a while', () => {
    const { datagrams, taken, pass } = groupAt()
    datagrams.receive(datagram(1), PEER)
    datagrams.receive(datagram(1), { ...PEER, port: 4_001 })
    pass(200_000)
    datagrams.receive(datagram(1), PEER)
    expect(taken).toHaveLength(3)
  })

  it('are no duplicates of what somebody forged, who guessed message id and token', () => {
    const { datagrams, taken } = groupAt()
    const forged = encodeDatagram(TYPE.non, 1, 'abcd', { ...REQUEST, payload: Buffer.from('junk') })
    for (const bytes of [forged, datagram(1), forged, datagram(1)]) datagrams.receive(bytes, PEER)
    expect(taken.map(({ payload }) => Buffer.from(payload).toString())).toEqual(['junk', 'hello'])
  })

  it('are remembered in a bounded number', () => {
    const { datagrams } = groupAt()
    for (let id = 0; id < 100; id++) datagrams.receive(datagram(id), PEER)
    expect(datagrams.size).toBe(3)
  })

  it('are passed over in silence where they are no requests, or want to be acknowledged', () => {
    const { datagrams, taken, errors } = groupAt()
    const response = encodeDatagram(TYPE.non, 1, 'abcd', { ...REQUEST, code: CONTENT })
    const others = [datagram(1, 'abcd', TYPE.con), response, Buffer.alloc(0), Buffer.alloc(3)]
    for (const bytes of others) datagrams.receive(bytes, PEER)
    expect(taken).toEqual([])
    expect(errors).toEqual([])
  })

  it('are reported where they are requests that cannot be read', () => {
    const { datagrams, taken, errors } = groupAt()
    datagrams.receive(Buffer.concat([datagram(1).subarray(0, 8), Buffer.of(0xf0, 1)]), PEER)
    expect(taken).toEqual([])
    expect(errors).toMatchObject([{ code: 'ERR_MALFORMED' }])
  })
})

describe('an endpoint', () => {
  it('sends to a group, and gets the responses of all its members by the token', async () => {
    const group = { address: '239.255.3.77', port: 20_000 + Math.floor(Math.random() * 9_000) }
    const members = await Promise.all([openClient(), openClient()])
    for (const member of members) {
      const datagrams = new GroupDatagrams({
        take: ({ peer, token }) => void member.announce({ ...REQUEST, code: CHANGED }, peer, token),
        report: () => undefined,
        now: () => performance.now(),
      })
      const socket = await openGroupSocket({
        group: group.address,
        port: group.port,
        interface: '127.0.0.1',
        receive: (bytes, from) => datagrams.receive(bytes, from),
        report: () => undefined,
      })
      onTestFinished(() => socket.close())
    }
    const asker = await openClient()
    asker.multicast({ interface: '127.0.0.1', hopLimit: 1, loopback: true })
    const ports: string[] = []
    const stop = asker.onGroupResponse('token', (_, { port }) => ports.push(`${port}`))
    await asker.announce(REQUEST, group, 'token')
    await expect
      .poll(() => ports.toSorted())
      .toEqual(members.map(({ address }) => `${address.port}`).toSorted())
    stop()
  })

  it('says what the system says of a message that it cannot send', async () => {
    const endpoint = await openClient()
    const nowhere = { address: '255.255.255.255', port: 9 }
    await expect(endpoint.announce(REQUEST, nowhere, 'token')).rejects.toMatchObject({
      code: 'ERR_TRANSPORT',
    })
    const tooLong = { ...REQUEST, code: code(0, 2), payload: Buffer.alloc(2_000) }
    await expect(endpoint.announce(tooLong, PEER, 'token')).rejects.toThrow(RangeError)
    await endpoint.close()
    await expect(endpoint.announce(REQUEST, PEER, 'token')).rejects.toMatchObject({
      code: 'ERR_CLOSED',
    })
  })

  it('cannot join what is no group', async () => {
    const options = { group: '127.0.0.1', port: 0, receive: () => {}, report: () => {} }
    await expect(openGroupSocket(options)).rejects.toMatchObject({ code: 'ERR_TRANSPORT' })
  })
})
