// SPDX-License-Identifier: Apache-2.0
/**
 * `waxwing bridge` in a process of its own, between two brokers and to and from archives.
 */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest'
import { mosquittoAvailable, requireOrSkip, startMosquitto, type Mosquitto } from '@waxwing/testkit'
import { archived } from '../bridge/taps.js'
import { Office } from './office.js'
import { Running, type Ended } from './running.js'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

requireOrSkip('mosquitto', mosquittoAvailable())('waxwing bridge', () => {
  let office: Office
  let far: Mosquitto

  beforeAll(async () => {
    office = await Office.open('plant', 'desk')
    const config = ['max_packet_size 30000']
    far = await startMosquitto({ users: { desk: 'd', bridge: 'b' }, config })
  })

  afterAll(async () => {
    await office.close()
    await far.close()
  })

  /** Starts one that knows no home, as on a machine where nobody ever ran `waxwing`. */
  function bridge(...args: readonly string[]): Running {
    const env = { ...office.env, HOME: office.path('nobody'), WAXWING_TO_PASSWORD: 'b' }
    const running = new Running(['bridge', ...args], { cwd: office.folder, env })
    onTestFinished(() => void running.process.kill('SIGKILL'))
    return running
  }

  function toFar(...args: readonly string[]): Running {
    const near = office.env['WAXWING_BROKER'] ?? ''
    return bridge('--from', near, '--to', far.url, '--to-username', 'bridge', ...args)
  }

  function terminated(running: Running): Promise<Ended> {
    running.process.kill('SIGTERM')
    return running.ended()
  }

  it('lets a reader on one broker ask a producer on another, and read', async () => {
    const running = toFar('--map', 'plant/# -> plant/#')
    await running.shows(/At work/)
    await office.in('desk', 'config', 'set', 'username', 'desk')
    const env = { WAXWING_BROKER: far.url, WAXWING_BROKER_PASSWORD: 'd' }
    const reading = new Running(['--home', 'desk', 'sub', 'plant/#'], { cwd: office.folder, env })
    onTestFinished(() => void reading.process.kill('SIGKILL'))
    await reading.shows(/Reading plant/)
    const publishing = office.start('plant', 'pub', 'plant/1', '21.5', '--keep-open')
    onTestFinished(() => void publishing.process.kill('SIGKILL'))
    await publishing.shows(/desk asks to read plant\/1/)
    await office.in('plant', 'grant', 'desk', '--stream', 'plant/1')
    await reading.shows(/21\.5/)
    const { status, stdout } = await terminated(running)
    expect(status).toBe(0)
    expect(stdout).toMatch(/There: 1 message .* control message/)
    expect(stdout).toMatch(/Back: 0 messages .* control message/)
    expect(existsSync(office.path('nobody'))).toBe(false)
  })

  it('keeps what its target never takes, and says so', async () => {
    const running = toFar('--map', 'plant/#', '--dead-letters', 'dead.wax', '--name', 'careful')
    await running.shows(/At work/)
    await office.in('plant', 'pub', 'plant/1', 'x'.repeat(50_000))
    await running.shows(/refuses .* bytes to plant\/1 .* among the dead letters/)
    const { stdout } = await terminated(running)
    expect(stdout).toMatch(/1 REFUSED/)
    expect(statSync(office.path('dead.wax')).size).toBeGreaterThan(50_000)
  })

  it('says what is lost where nobody keeps it, to programs too', async () => {
    const running = toFar('--map', 'plant/#', '--name', 'careless', '--json')
    await running.shows(/"event":"started"/)
    await office.in('plant', 'pub', 'plant/1', 'x'.repeat(50_000))
    await running.shows(/"event":"refused"/)
    const { stdout } = await terminated(running)
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object)
    expect(lines).toContainEqual(
      expect.objectContaining({ event: 'refused', resort: 'dropped', error: 'ERR_LIMIT' }),
    )
    expect(lines.at(-1)).toMatchObject({ total: true, there: { data: { refused: 1 } } })
  })

  it('fills an archive, and pours it out to another broker', async () => {
    const near = office.env['WAXWING_BROKER'] ?? ''
    const filling = bridge('--from', near, '--to', 'plant.wax', '--map', 'plant/#')
    await filling.shows(/At work/)
    await office.in('plant', 'pub', 'plant/2', 'kept')
    await expect.poll(() => archived(office.path('plant.wax'))).toHaveLength(1)
    await terminated(filling)
    const archive = [
      '--from',
      'plant.wax',
      '--to',
      'copy.wax',
      '--map',
      'any/thing',
      '--no-control',
    ]
    const { status, stdout } = await bridge(...archive).ended()
    expect(status).toBe(0)
    expect(stdout).toMatch(/There: 1 message/)
    expect(
      readFileSync(office.path('plant.wax')).includes(readFileSync(office.path('copy.wax'))),
    ).toBe(true)
  })

  it('does not begin without a password that it was told to use', async () => {
    const args = ['--from', 'mqtt://127.0.0.1:9', '--to', far.url, '--map', 'plant/#']
    const { status, stderr } = await bridge(...args, '--from-username', 'me').ended()
    expect(stderr).toMatch(/password .* is missing: WAXWING_FROM_PASSWORD/)
    expect(status).not.toBe(0)
  })

  it.each([
    [['--from', 'mqtt://a', '--to', 'mqtt://b'], /say which data/],
    [['--from', 'a.wax', '--to', 'mqtt://b', '--map', 'plant/#'], /an archive has no addresses/],
    [['--from', 'mqtt://a', '--to', 'b.wax', '--map', 'a', '--both'], /brokers on both sides/],
    [
      ['--from', 'mqtt://a', '--to', 'b.wax', '--map', 'a', '--dead-letters', 'b.wax'],
      /file of its own/,
    ],
    [['--from', 'mqtt://a', '--to', 'mqtt://b', '--map', 'a/# -> b'], /same wildcards/],
    [['--from', 'mqtt://a', '--to', 'mqtt://b', '--map', 'waxwing/v1/#'], /need no map/],
    [['--from', 'mqtt://me:secret@a', '--to', 'mqtt://b', '--map', 'a'], /WAXWING_FROM_PASSWORD/],
    [['--from', 'http://a', '--to', 'mqtt://b', '--map', 'a'], /is no broker/],
    [
      ['--from', 'mqtt://a', '--to', 'mqtt://b', '--map', 'a', '--from-protocol-version', '3'],
      /4 or 5/,
    ],
  ])('is refused with %j', async (args, why) => {
    const { status, stderr } = await bridge(...args).ended()
    expect(stderr).toMatch(why)
    expect(stderr).not.toContain('secret')
    expect(status).toBe(2)
  })
})
