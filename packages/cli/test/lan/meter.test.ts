// SPDX-License-Identifier: Apache-2.0
/**
 * A meter shouts its readings on the LAN, where everybody hears them. Its owner grants one listener and not
 * the other; who comes late reads the past from a neighbour, when the meter is gone.
 */
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { lanAvailable, requireOrSkip, startLan, type Lan } from '@waxwing/testkit'
import { Office } from '../transcripts/office.js'
import { Running, type Ended } from '../transcripts/running.js'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const LAN_URL = 'udp://239.255.7.7:5007?interface=eth0'
const HOSTS = ['meter', 'friend', 'stranger']

requireOrSkip('a LAN of namespaces (root, iproute2, python3)', lanAvailable())('a meter', () => {
  let [office, lan]: [Office?, Lan?] = []

  beforeAll(async () => {
    const nowhere = { url: LAN_URL, close: () => Promise.resolve() }
    ;[lan, office] = await Promise.all([
      startLan({ hosts: HOSTS.length }),
      Office.beside(nowhere, ...HOSTS),
    ])
  })

  afterAll(async () => {
    await office?.close()
    await lan?.close()
  })

  /** Runs a command on the host of a home. */
  function start(home: string, url: string, ...args: readonly string[]): Running {
    const host = lan?.hosts[HOSTS.indexOf(home)]
    return new Running(['--home', home, '--broker', url, ...args], { cwd: office!.folder, host })
  }

  function at(home: string, ...args: readonly string[]): Promise<Ended> {
    return start(home, LAN_URL, ...args).ended()
  }

  it('is told what its network cannot do', async () => {
    const { stdout, status } = await at('meter', 'doctor')
    expect(stdout).toContain('UDP multicast')
    expect(stdout).toContain('who is away misses what is sent')
    expect(status).toBe(0)
  })

  it('is heard by all, and read by whom its owner granted', async () => {
    const recording = `${LAN_URL}&record=heard&serve=yes`
    const friend = start('friend', recording, 'sub', 'meter/#', '--reason', 'the bill')
    const stranger = start('stranger', LAN_URL, 'sub', 'meter/#')
    for (const listener of [friend, stranger]) await listener.shows(/Reading meter/)
    const meter = start('meter', LAN_URL, 'pub', 'meter/power', '--lines', '--keep-open')
    meter.process.stdin?.write('230\n')
    await meter.shows(/friend .*asks/)
    await meter.shows(/stranger .*asks/)

    expect(await at('meter', 'grant', 'friend')).toMatchObject({ status: 0 })
    await friend.shows(/meter\/power {2}230/)
    meter.process.stdin?.end('231\n')
    await friend.shows(/meter\/power {2}231/)
    expect(await at('meter', 'deny', 'stranger')).toMatchObject({ status: 0 })
    await stranger.shows(/enied/)
    expect(stranger.stdout).toBe('')

    meter.process.kill('SIGTERM')
    await meter.ended()
    stranger.process.kill('SIGTERM')
    await stranger.ended()
    const late = await at('stranger', 'history', 'meter/#', '--wait', '1s')
    expect(late.stderr).toContain('2 messages without a key')
    friend.process.kill('SIGTERM')
    expect(await friend.ended()).toMatchObject({ status: 0 })
  })
})
