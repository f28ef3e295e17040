// SPDX-License-Identifier: Apache-2.0
/** Members on hosts of their own: bad networks, links that go away, IPv6. */
import { randomBytes } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { inboxAddress } from '@waxwing/core'
import { type Lan, lanAvailable, requireOrSkip, startLan } from '@waxwing/testkit'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { UdpTransportOptions } from '@waxwing/udp'
import { Member } from './member-process.ts'

const COUNT = 300
const hexes = async (member: Member): Promise<string[]> =>
  (await member.messages()).map(({ hex }) => hex)
const hexesOf = (told: unknown): string[] => (told as { hex: string }[]).map(({ hex }) => hex)
const hexOf = (index: number): string => index.toString(16).padStart(8, '0')

requireOrSkip('a network of namespaces (root, iproute2, python3)', lanAvailable())('a LAN', () => {
  let lan: Lan
  /** One on each host, and a second one on the first. */
  let members: [Member, Member, Member, Member]

  beforeAll(async () => {
    lan = await startLan({ hosts: 3, ipv6: true })
    const start = (position: number): Promise<Member> => Member.start(host(position))
    members = await Promise.all([start(0), start(1), start(2), start(0)])
  }, 120_000)

  afterEach(async () => {
    await lan.cut()
    await lan.set({ loss: 0, duplicate: 0, reorder: 0, delayMs: 0 })
    await Promise.all(members.map((member) => member.tell('forget')))
  })

  afterAll(async () => {
    await Promise.all(members.map((member) => member.kill()))
    await lan.close()
  })

  const host = (position: number): Lan['hosts'][number] => {
    const found = lan.hosts[position]
    if (found === undefined) throw new Error(`there is no host ${position}`)
    return found
  }

  describe('with a bad network', () => {
    it('hands each datagram that arrives to subscribers once, and invents none', async () => {
      const [sender, receiver] = await pair()
      await receiver.tell('subscribe', 'meter/#')
      const before = await lan.stats()
      await lan.set({ loss: 0.2, duplicate: 0.3, reorder: 0.3, seed: 7 })
      for (let index = 0; index < COUNT; index++) await sender.tell('send', 'meter/1', hexOf(index))
      await lan.set({ loss: 0, duplicate: 0, reorder: 0 })
      await sender.tell('send', 'meter/1', 'ee')
      await expect.poll(() => hexes(receiver)).toContain('ee')
      const after = await lan.stats()
      const got = (await receiver.messages()).map(({ hex }) => hex).filter((hex) => hex !== 'ee')
      expect(new Set(got).size).toBe(got.length)
      expect(got.length).toBeLessThan(COUNT)
      expect(got.length).toBeGreaterThan(COUNT / 2)
      expect(after.duplicated).toBeGreaterThan(before.duplicated)
    })

    it('delivers control messages all the same, large ones block by block', async () => {
      const [sender, receiver] = await pair()
      const inbox = inboxAddress(randomBytes(32))
      await receiver.tell('subscribe', `${inbox}/#`)
      await lan.set({ loss: 0.15, duplicate: 0.1, reorder: 0.1, seed: 3 })
      const payload = randomBytes(6_000).toString('hex')
      await sender.tell('send', inbox, payload)
      expect((await receiver.messages()).map(({ hex }) => hex)).toContain(payload)
    })

    it('hands over what another host retains, to who subscribes later', async () => {
      const [sender, receiver] = await pair()
      await lan.set({ loss: 0.15, seed: 5 })
      await sender.tell('send', 'waxwing/v1/trust/domain', 'aa'.repeat(3_000), true)
      await sender.tell('send', 'waxwing/v1/trust/domain', 'bb'.repeat(3_000), true)
      await receiver.tell('subscribe', 'waxwing/v1/trust/domain/#')
      await expect
        .poll(async () => (await receiver.messages()).map(({ hex }) => hex.slice(0, 2)))
        .toContain('bb')
    })
  })

  describe('with a link that goes away', () => {
    it('says so, keeps what is sent meanwhile, and goes on when the link is back', async () => {
      const [sender, receiver] = await pair()
      await receiver.tell('subscribe', 'meter/#')
      await host(0).ip('link', 'set', 'eth0', 'down')
      await expect.poll(() => sender.statuses()).toContain('disconnected')
      const sent = sender.tell('send', 'meter/1', '01')
      await host(0).ip('link', 'set', 'eth0', 'up')
      await sent
      await expect.poll(() => hexes(receiver)).toContain('01')
      expect((await sender.statuses()).at(-1)).toBe('connected')
    })

    it('hears again, once the own link is back with another address', async () => {
      const [sender, receiver] = await pair()
      await receiver.tell('subscribe', 'meter/#')
      await host(1).ip('address', 'flush', 'dev', 'eth0', 'scope', 'global')
      await expect.poll(() => receiver.statuses()).toContain('disconnected')
      await host(1).ip('address', 'add', '10.87.88.77/24', 'dev', 'eth0')
      await expect.poll(async () => (await receiver.statuses()).at(-1)).toBe('connected')
      await sender.tell('send', 'meter/1', '02')
      await expect.poll(() => hexes(receiver)).toEqual(['02'])
      await host(1).ip('address', 'flush', 'dev', 'eth0', 'scope', 'global')
      await host(1).ip('address', 'add', `${host(1).address}/24`, 'dev', 'eth0')
    })

    it.each([
      ['who subscribed', 1],
      ['its sender', 0],
    ])('hands over what is retained though %s was off the link at the time', async (_who, off) => {
      const [sender, receiver] = await pair()
      const bundle = 'waxwing/v1/trust/domain'
      await host(off).ip('link', 'set', 'eth0', 'down')
      const member = off === 0 ? sender : receiver
      await expect.poll(() => member.statuses()).toContain('disconnected')
      await receiver.tell('subscribe', `${bundle}/#`)
      await sender.tell('send', bundle, 'aa', true)
      await setTimeout(3_000) // until nobody says any more that it is new
      await host(off).ip('link', 'set', 'eth0', 'up')
      await expect.poll(() => hexes(receiver), { timeout: 15_000 }).toContain('aa')
    })

    it('repeats a control message until the other host is reached again', async () => {
      const [sender, receiver] = await pair()
      const inbox = inboxAddress(randomBytes(32))
      await receiver.tell('subscribe', `${inbox}/#`)
      await sender.tell('send', inbox, '01')
      await lan.cut(1)
      const sent = sender.tell('send', inbox, '02')
      await expect.poll(async () => (await lan.stats()).forwarded).toBeGreaterThan(0)
      await lan.cut()
      await sent
      expect((await receiver.messages()).map(({ hex }) => hex)).toEqual(['01', '02'])
    })

    it('gives a control message up when nobody takes it in time', async () => {
      const [sender] = await pair({ controlTimeoutMs: 500 })
      await expect(sender.tell('send', inboxAddress(randomBytes(32)), '01')).rejects.toThrow(
        'ERR_TRANSPORT',
      )
    })
  })

  it('speaks IPv6, with peers at link-local addresses', async () => {
    const [sender, receiver] = await pair({ group: 'ff02::5757' })
    const inbox = inboxAddress(randomBytes(32))
    await receiver.tell('subscribe', 'meter/#')
    await receiver.tell('subscribe', `${inbox}/#`)
    await sender.tell('send', 'meter/1', '01')
    await sender.tell('send', inbox, 'ab'.repeat(3_000))
    await expect.poll(async () => (await receiver.messages()).length).toBe(2)
  })

  it('takes nothing from who is not of the link, unless the group crosses links', async () => {
    const [, receiver, stranger, friend] = members
    const inbox = inboxAddress(randomBytes(32))
    await host(2).ip('address', 'add', '172.16.9.9/24', 'dev', 'eth0')
    const open = async (hopLimit: number): Promise<void> => {
      await receiver.open({ hopLimit })
      for (const filter of ['meter/#', `${inbox}/#`]) await receiver.tell('subscribe', filter)
      await stranger.open({ interface: '172.16.9.9', hopLimit, controlTimeoutMs: 300 })
      await friend.open()
      await stranger.tell('send', 'meter/1', '01')
      await friend.tell('send', 'meter/1', '02')
      await expect.poll(() => hexes(receiver)).toContain('02')
    }
    await open(1)
    await expect(stranger.tell('send', inbox, '03')).rejects.toThrow('ERR_TRANSPORT')
    expect(await hexes(receiver)).toEqual(['02'])
    for (const member of members) await member.tell('forget')
    await open(2)
    expect((await hexes(receiver)).toSorted()).toEqual(['01', '02'])
    await host(2).ip('address', 'del', '172.16.9.9/24', 'dev', 'eth0')
  })

  it('lets two processes of one host share the port of the group', async () => {
    const [first, third, , second] = members
    const all = [first, second, third]
    await Promise.all(all.map((member) => member.open()))
    for (const member of all) await member.tell('subscribe', 'meter/#')
    await first.tell('send', 'meter/1', '01')
    await second.tell('send', 'meter/1', '02')
    for (const member of all) {
      await expect.poll(async () => (await hexes(member)).toSorted()).toEqual(['01', '02'])
    }
  })

  it('replays from neighbours what the own host has not heard, each message once and in their order', async () => {
    const [sender, one, other, late] = members
    await sender.open()
    for (const holder of [one, other]) {
      await holder.open({ record: { serve: true } })
      await holder.tell('subscribe', 'meter/#')
    }
    await lan.set({ loss: 0.2, duplicate: 0.2, seed: 11 })
    for (let index = 0; index < COUNT; index++) await sender.tell('send', 'meter/1', hexOf(index))
    await lan.set({ loss: 0, duplicate: 0 })
    await sender.tell('close')
    await late.open()
    const replayed = hexesOf(await late.tell('replay', 'meter/#'))
    expect(new Set(replayed).size).toBe(replayed.length)
    expect(replayed.length).toBeGreaterThan(0.9 * COUNT) // either lost a fifth
    for (const holder of [one, other]) {
      const heard = (await hexes(holder)).toString()
      expect(replayed.filter((hex) => heard.includes(hex)).toString()).toBe(heard)
      expect(hexesOf(await holder.tell('replay', 'meter/#')).toSorted()).toEqual(
        replayed.toSorted(),
      )
    }
  })

  async function pair(options: UdpTransportOptions = {}): Promise<[Member, Member]> {
    const [sender, receiver] = members
    await Promise.all([sender.open(options), receiver.open(options)])
    return [sender, receiver]
  }
})
