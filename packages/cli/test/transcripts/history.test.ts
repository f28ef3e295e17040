// SPDX-License-Identifier: Apache-2.0
/** What brokers still have, read by the command. */
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import {
  mosquittoAvailable,
  natsAvailable,
  requireOrSkip,
  startMosquitto,
  startNats,
} from '@waxwing/testkit'
import { Office } from './office.js'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

requireOrSkip('nats', natsAvailable())('the history that a broker keeps', () => {
  let office: Office

  beforeAll(async () => {
    office = await Office.beside(await startNats(), 'plant', 'desk')
    await office.in('desk', 'id', 'card', '--out', 'desk.card')
    await office.in('plant', 'take', 'desk.card')
    for (const text of ['one', 'two', 'three']) await office.in('plant', 'pub', 'plant/a', text)
  })

  afterAll(() => office.close())

  it('ends with 0 and says so where nothing is missing, and reads again what was read', async () => {
    await office.in('plant', 'grant', 'desk', '--stream', 'plant/a', '--from', '1h ago')
    for (let time = 0; time < 2; time++) {
      const read = await office.in('desk', 'history', 'plant/#')
      expect(read.stdout).toMatch(/one[^]*two[^]*three/)
      expect(read.stderr).toContain('Nothing is missing.')
      expect(read.status).toBe(0)
    }
  })

  it('is told as JSON, with a summary at the end', async () => {
    const { stdout, status } = await office.in('desk', '--json', 'history', 'plant/a')
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { text?: string })
    expect(lines.flatMap(({ text }) => text ?? [])).toEqual(['one', 'two', 'three'])
    expect(lines.at(-1)).toMatchObject({
      summary: { messages: 3, gaps: 0, completeness: 'complete', kept: 'all' },
    })
    expect(status).toBe(0)
  })

  it('leaves out what was sealed at other times', async () => {
    const none = await office.in('desk', 'history', 'plant/a', '--until', '1h ago')
    expect(none.stdout).toBe('')
    expect(await office.in('desk', 'history', 'plant/a', '--from', 'soon')).toMatchObject({
      status: 2,
    })
  })

  it('tells what there is no key for, after it was waited for', async () => {
    await office.in('plant', 'pub', 'plant/secret', 'x')
    const read = await office.in('desk', 'history', 'plant/secret', '--wait', '1s')
    expect(read.stderr).toContain('Waiting for a grant')
    expect(read.stderr).toContain('1 message without a key')
    expect(read.stdout).toBe('')
  })

  it('has files that were sent before anybody received', async () => {
    const content = randomBytes(2_000_000)
    writeFileSync(office.path('f.bin'), content)
    await office.in('plant', 'send', 'f.bin', '--stream', 'plant/files')
    await office.in('plant', 'grant', 'desk', '--stream', 'plant/files', '--from', '1h ago')
    for (const path of ['f.1', 'f.2']) {
      const args = ['receive', path, '--stream', 'plant/files', '--from', '1h ago']
      expect(await office.in('desk', ...args)).toMatchObject({ status: 0 })
      expect(readFileSync(office.path(path)).equals(content)).toBe(true)
    }
    const late = await office.in(
      'desk',
      'receive',
      'f.3',
      '--stream',
      'plant/files',
      '--until',
      '1h ago',
    )
    expect(late.status).toBe(10)
    expect(late.stderr).toContain('no file came')
  })
})

requireOrSkip('mosquitto', mosquittoAvailable())('the history of a broker of MQTT', () => {
  let office: Office

  beforeAll(async () => {
    office = await Office.beside(await startMosquitto(), 'plant', 'desk')
    await office.in('desk', 'id', 'card', '--out', 'desk.card')
    await office.in('plant', 'take', 'desk.card')
  })

  afterAll(() => office.close())

  it('is the newest retained message, and it says so; what is known to be missing fails it', async () => {
    const publish = ['pub', 'plant/a', '--lines', '--retain', '--clear', 'unit=C']
    const plant = office.start('plant', ...publish)
    plant.process.stdin?.end('one\ntwo\n')
    expect(await plant.ended()).toMatchObject({ status: 0 })
    await office.in('plant', 'grant', 'desk', '--stream', 'plant/a', '--from', '1h ago')
    const read = await office.in('desk', 'history', 'plant/a')
    expect(read.stdout).toMatch(/two {2}\(from plant; unit=C\)/)
    expect(read.stdout).not.toContain('one')
    expect(read.stderr).toContain('keeps the newest message of a topic')
    expect(read.stderr).toContain('something is missing: the beginning')
    expect(read.status).toBe(10)
  })
})
