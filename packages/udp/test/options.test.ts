// SPDX-License-Identifier: Apache-2.0
/** What the application can choose, and what the machine has. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { findAttachment } from '../src/lan/interfaces.ts'
import { Pace } from '../src/lan/pace.ts'
import { type RecordOptions, udpTransport, type UdpTransportOptions } from '../src/index.ts'
import { loopbackOptions } from './loopback.ts'

describe('options', () => {
  it.each<[string, UdpTransportOptions]>([
    ['group', { group: '10.0.0.1' }],
    ['group', { group: 'fe80::1' }],
    ['group', { group: 'ff02::1%eth0' }],
    ['interface', { group: 'ff02::1' }],
    ['port', { port: 0 }],
    ['hopLimit', { hopLimit: 0 }],
    ['maxDatagramBytes', { maxDatagramBytes: 100 }],
    ['leisureMs', { leisureMs: 2_000 }],
    ['maxAgeSeconds', { record: { maxAgeSeconds: 0 } }],
    ['record', { record: 'folder' as unknown as RecordOptions }],
    ['folder', { record: { folder: '' } }],
    ['serve', { record: { serve: 'yes' as unknown as boolean } }],
    ['interface', { interface: '' }],
  ])('are refused by name: %s', async (name, options) => {
    await expect(udpTransport(options)).rejects.toThrow(name)
  })

  it('leave data that fit into a datagram which nobody has to cut', async () => {
    const transport = await udpTransport(loopbackOptions())
    onTestFinished(() => transport.close())
    const { maxPayloadBytes } = transport.limits
    await transport.send('a'.repeat(100), new Uint8Array(maxPayloadBytes))
    await expect(
      transport.send('a/'.repeat(100) + 'a'.repeat(200), new Uint8Array(maxPayloadBytes)),
    ).rejects.toMatchObject({ code: 'ERR_LIMIT', details: { rule: 'maxDatagramBytes' } })
  })

  it('refuse addresses that cannot be paths, groups and properties', async () => {
    const transport = await udpTransport(loopbackOptions())
    onTestFinished(() => transport.close())
    const nothing = new Uint8Array(1)
    for (const address of ['a/../b', 'a/+', 'a'.repeat(256), 'a/'.repeat(300)]) {
      await expect(transport.send(address, nothing)).rejects.toThrow(TypeError)
    }
    const handler = async (): Promise<void> => {}
    await expect(transport.subscribe('$share/g/a', handler)).rejects.toMatchObject({
      code: 'ERR_UNSUPPORTED',
    })
    const properties = { name: 'value' }
    await expect(transport.send('a', nothing, { properties })).rejects.toMatchObject({
      code: 'ERR_UNSUPPORTED',
    })
  })

  it('may name an interface that is not there yet', async () => {
    const transport = await udpTransport({
      ...loopbackOptions(),
      interface: 'not-there',
      closeTimeoutMs: 50,
    })
    const errors: string[] = []
    transport.onStatus((status) => {
      if (status.state === 'error') errors.push(String(status.error))
    })
    await expect.poll(() => errors.toString()).toMatch(/interface not-there is not there .*lo/)
    const sent = transport.send('a', new Uint8Array(1))
    sent.catch(() => undefined)
    await transport.close()
    await expect(sent).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  })
})

describe('an interface', () => {
  const common = { netmask: '', mac: '', internal: false }
  const interfaces = {
    eth0: [
      { ...common, family: 'IPv4', address: '10.1.2.3', cidr: '10.1.2.3/24' },
      { ...common, family: 'IPv6', address: 'fe80::1', cidr: 'fe80::1/64', scopeid: 2 },
    ],
    eth1: [{ ...common, family: 'IPv4', address: '10.9.9.9', cidr: '10.9.9.9/16' }],
  } as unknown as Parameters<typeof findAttachment>[2]

  it('is found by its name and by an address of it', () => {
    for (const wanted of ['eth0', '10.1.2.3']) {
      expect(findAttachment(wanted, 'udp4', interfaces)?.socketName).toBe('10.1.2.3')
    }
    expect(findAttachment('eth0', 'udp6', interfaces)).toMatchObject({
      socketName: '::%eth0',
      zone: '%eth0',
    })
    expect(findAttachment('eth1', 'udp6', interfaces)).toBeUndefined()
    expect(findAttachment('eth2', 'udp4', interfaces)).toBeUndefined()
    expect(findAttachment(undefined, 'udp4', interfaces)?.socketName).toBeUndefined()
  })

  it('tells who is on its link', () => {
    const one = findAttachment('eth0', 'udp4', interfaces)
    expect(one?.isOnLink('10.1.2.200')).toBe(true)
    expect(one?.isOnLink('10.1.3.1')).toBe(false)
    expect(one?.isOnLink('8.8.8.8')).toBe(false)
    const six = findAttachment('eth0', 'udp6', interfaces)
    expect(six?.isOnLink('fe80::77%eth0')).toBe(true)
    expect(six?.isOnLink('2001:db8::1')).toBe(false)
    expect(findAttachment(undefined, 'udp4', interfaces)?.isOnLink('10.9.1.1')).toBe(true)
  })
})

describe('a pace', () => {
  it('lets a burst go, and then so many bytes a second', () => {
    let now = 0
    const pace = new Pace(100_000, () => now)
    expect(pace.spend(65_536)).toBe(0)
    expect(pace.spend(10_000)).toBe(100)
    now += 100
    expect(pace.spend(1)).toBe(1)
    now += 10_000
    expect(pace.take(65_000)).toBe(true)
    expect(pace.take(65_000)).toBe(false)
    expect(pace.take(500)).toBe(true)
  })
})
