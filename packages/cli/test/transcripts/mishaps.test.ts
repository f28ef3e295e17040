// SPDX-License-Identifier: Apache-2.0
/**
 * What the command says and how it ends where somebody errs, or where something is not as it should be.
 */
import { writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { mosquittoAvailable, requireOrSkip } from '@waxwing/testkit'
import { Office } from './office.js'
import { run } from './running.js'

// Each of these starts several processes, on machines that have other things to do.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

requireOrSkip('mosquitto', mosquittoAvailable())('the command where something is amiss', () => {
  let office: Office

  beforeAll(async () => {
    office = await Office.open('plant', 'desk')
  })

  afterAll(() => office.close())

  describe('that was given wrongly', () => {
    it.each([
      [['help', 'nonsense'], /no command 'nonsense'/],
      [['help', 'domain', 'nonsense'], /no command 'domain nonsense'/],
      [['--home', 'plant', 'id', 'create', '--name', 'plant'], /is there already/],
      [
        [
          '--home',
          'plant',
          'grant',
          'desk',
          '--stream',
          'a',
          '--from',
          'in 1h',
          '--until',
          '1h ago',
        ],
        /--until lies before --from/,
      ],
    ] as const)('ends with 2: %j', async (args, told) => {
      const { status, stderr } = await office.waxwing(...args)
      expect(stderr).toMatch(told)
      expect(status).toBe(2)
    })

    it('shows the help of commands within commands', async () => {
      const { status, stdout } = await office.waxwing('help', 'domain', 'admit')
      expect(status).toBe(0)
      expect(stdout).toMatch(/^Usage: waxwing domain admit/)
    })

    it.each([[['pubb']], [['sub']], [['domain']], [['help', 'nonsense']]])(
      'tells programs in one line of JSON: %j',
      async (args) => {
        const { status, stdout, stderr } = await office.waxwing('--json', ...args)
        expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
        expect(JSON.parse(stderr)).toMatchObject({ error: 'ERR_USAGE', exit: 2 })
      },
    )

    it('ends with 2 where a message is longer than the broker may carry', async () => {
      const { folder: cwd, env } = office
      const stdin = 'x'.repeat(300_000)
      const long = await run(['--home', 'plant', 'pub', 'plant/long'], { cwd, env, stdin })
      expect(long).toMatchObject({ status: 2, stdout: '' })
      expect(long.stderr).toContain('262144')
    })
  })

  describe('that was given another file', () => {
    it.each([
      [['domain', 'admit', 'plant.admission', '--out', 'x'], 2, /id admit plant.admission/],
      [['domain', 'admit', 'plant/store.db', '--out', 'x'], 2, /a store or the backup of one/],
      [['id', 'admit', 'plant.enrol'], 2, /domain admit plant.enrol/],
      [['id', 'admit', 'plant.admission'], 2, /--domain ID/],
      [['receive', 'plant.enrol'], 2, /domain admit plant.enrol/],
      [['receive', 'plant.admission'], 2, /id admit plant.admission/],
      [['inspect', 'plant/store.db'], 2, /waxwing store/],
      [['inspect', 'empty'], 4, /empty is empty/],
      [['inspect', 'junk'], 4, /nothing of Waxwing/],
    ] as const)('says which command takes it: %j', async (args, exit, told) => {
      writeFileSync(office.path('empty'), '')
      writeFileSync(office.path('junk'), 'just some words, and a § or two\n')
      const { status, stdout, stderr } = await office.in('office', ...args)
      expect(stderr).toMatch(told)
      expect({ status, stdout }).toEqual({ status: exit, stdout: '' })
    })

    it('does not hand out the id that is to be compared', async () => {
      const { stderr } = await office.in('plant', 'id', 'admit', 'plant.admission')
      const { stdout: id } = await office.in('office', 'domain', 'show', '--id')
      expect(stderr).not.toContain(id.trim())
    })
  })

  it('inspects with the trust of the domain in the home of who runs it', async () => {
    const { status, stdout } = await office.in('office', 'inspect', 'plant.admission')
    expect(status).toBe(0)
    expect(stdout).toMatch(/good, by/)
    expect(stdout).not.toContain('nobody')
  })

  it('ends with 6 where it waited for a broker that was never there, with 8 for a message', async () => {
    const sub = ['sub', 'plant/never', '--timeout', '2s']
    expect(await office.in('desk', ...sub)).toMatchObject({ status: 8 })
    const away = await office.in('desk', ...sub, '--broker', 'mqtt://127.0.0.1:1')
    expect(away).toMatchObject({ status: 6, stdout: '' })
  })

  it('prints with --raw what was published, and not a byte more', async () => {
    const reading = office.start('plant', 'sub', 'plant/raw', '--raw', '--count', '1')
    await reading.shows(/Reading/)
    await office.in('plant', 'pub', 'plant/raw', 'no line')
    expect(await reading.ended()).toMatchObject({ status: 0, stdout: 'no line' })
  })

  it('ends with 7 when the store was given another key while it runs', async () => {
    await office.enrol('keyed')
    const serving = office.start('keyed', 'pub', 'keyed/x', 'x', '--keep-open')
    await serving.shows(/Answering requests/)
    const reading = office.start('keyed', 'sub', 'keyed/#')
    await reading.shows(/Reading/)
    expect(await office.in('keyed', 'store', 'rekey')).toMatchObject({ status: 0 })
    await office.in('keyed', 'pub', 'keyed/x', 'y')
    for (const running of [serving, reading]) {
      const { status, stderr } = await running.ended()
      expect(stderr).toContain('ERR_STORE_KEY')
      expect(status).toBe(7)
    }
  })
})
