// SPDX-License-Identifier: Apache-2.0
/**
 * A sensor that has nothing but SMS, a dashboard at a broker of MQTT, and between them `waxwing bridge`,
 * which has no home and no key: the dashboard asks over it, is granted over it, and reads.
 */
import { writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import {
  mosquittoAvailable,
  requireOrSkip,
  startMessageCentre,
  startMosquitto,
  type MessageCentre,
  type Mosquitto,
} from '@waxwing/testkit'
import { Office } from '../transcripts/office.js'
import { BridgeProcess } from './bridge-process.js'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const [SENSOR, GATEWAY] = ['4915000001', '4915000002']
const PASSWORD = 'secret'
/** What makes objects short: no time, no session, a short tag and a short kid. */
const COMPACT = ['--alg', 'aes-ccm-16-64-128', '--counter', 'durable', '--no-timestamps']

requireOrSkip('mosquitto', mosquittoAvailable())('a gateway from SMS to MQTT', () => {
  let [office, mosquitto, centre]: [Office?, Mosquitto?, MessageCentre?] = []
  let gateway: BridgeProcess | undefined

  beforeAll(async () => {
    const accounts = {
      sensor: { password: PASSWORD, numbers: [SENSOR] },
      gateway: { password: PASSWORD, numbers: [GATEWAY] },
    }
    ;[mosquitto, centre] = await Promise.all([startMosquitto(), startMessageCentre({ accounts })])
    office = await Office.beside(mosquitto, 'sensor', 'desk')
    writeFileSync(office.path('password'), PASSWORD)
    const from = `smpp://127.0.0.1:${centre.port}?source=+${GATEWAY}&addresses=yes`
    const login = ['--from-username', 'gateway', '--from-password-file', 'password']
    const sides = ['--from', from, '--to', mosquitto.url, '--map', 'sensor/#', ...login]
    gateway = new BridgeProcess(office.folder, ...sides, '--state', 'gateway-state')
    await gateway.start()
  })

  afterAll(async () => {
    await gateway?.kill()
    await office?.close()
    await centre?.close()
  })

  it('lets a dashboard ask for what came by SMS, and read it', async () => {
    const { stdout } = await office!.in('desk', '--json', 'id', 'show')
    const { id } = JSON.parse(stdout) as { id: string }
    for (const home of ['sensor', 'desk']) await office!.in(home, 'config', 'set', 'kems', 'x25519')
    await office!.in('sensor', 'config', 'set', 'username', 'sensor')
    await office!.in('sensor', 'rules', 'add', 'desk', '--streams', 'sensor/#', '--principal', id)

    const url = `smpp://127.0.0.1:${centre!.port}?source=+${SENSOR}&to=+${GATEWAY}&addresses=yes`
    const publish = ['--broker', url, 'pub', 'sensor/level', '--lines', '--keep-open', ...COMPACT]
    const desk = office!.start('desk', 'sub', 'sensor/#', '--count', '2')
    await desk.shows(/Reading sensor/)
    const sensor = office!.startWith({ WAXWING_BROKER_PASSWORD: PASSWORD }, 'sensor', ...publish)
    sensor.process.stdin?.end('4.2\n4.3\n')

    await desk.shows(/Read 2 messages/)
    const read = await desk.ended()
    expect(read.stdout).toMatch(/sensor\/level {2}4\.2[^]*sensor\/level {2}4\.3/)
    expect(read).toMatchObject({ status: 0 })
    sensor.process.kill('SIGTERM')
    expect(await sensor.ended()).toMatchObject({ status: 0 })
    const account = { WAXWING_BROKER_PASSWORD: PASSWORD }
    const doctor = await office!.startWith(account, 'sensor', '--broker', url, 'doctor').ended()
    expect(doctor.stdout).toContain('SMS: each byte costs')
    expect(doctor).toMatchObject({ status: 0 })
    const hops = new Set(centre!.taken.map(({ from, to }) => `${from} ${to}`))
    expect(hops).toEqual(new Set([`${SENSOR} ${GATEWAY}`, `${GATEWAY} ${SENSOR}`]))
  })
})
