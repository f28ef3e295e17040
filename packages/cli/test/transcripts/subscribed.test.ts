// SPDX-License-Identifier: Apache-2.0
/** Whoever sees that a command reads may publish: it is said once the broker has granted it. */
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest'
import { mosquittoAvailable, requireOrSkip, startMosquitto, type Mosquitto } from '@waxwing/testkit'
import { startHoldingRelay } from './holding-relay.js'
import { Office } from './office.js'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const FILTER = 'plant/held'

requireOrSkip('mosquitto', mosquittoAvailable())('a command that reads', () => {
  let broker: Mosquitto
  let office: Office

  beforeAll(async () => {
    broker = await startMosquitto()
    office = await Office.beside(broker, 'desk')
  })

  afterAll(() => office.close())

  it.each([
    ['Reading', ['sub', FILTER]],
    ['Waiting for files', ['receive', 'held.out', '--stream', FILTER]],
  ] as const)('says %j when its subscription is granted, and no sooner', async (said, args) => {
    const relay = await startHoldingRelay(broker.port, FILTER)
    const env = { WAXWING_BROKER: `mqtt://127.0.0.1:${relay.port}` }
    const running = office.startWith(env, 'desk', ...args)
    onTestFinished(() => void running.process.kill('SIGKILL'))
    await relay.held
    await office.waxwing('version') // a whole process long
    expect(running.stderr).not.toContain(said)
    relay.release()
    await running.shows(new RegExp(said))
    running.process.kill('SIGINT')
    await running.ended()
  })

  it('ends when it is told to before that', async () => {
    const relay = await startHoldingRelay(broker.port, FILTER)
    const env = { WAXWING_BROKER: `mqtt://127.0.0.1:${relay.port}` }
    const running = office.startWith(env, 'desk', 'sub', FILTER)
    onTestFinished(() => void running.process.kill('SIGKILL'))
    await relay.held
    running.process.kill('SIGINT')
    expect(await running.ended()).toMatchObject({ status: 0, signal: null })
  })
})
