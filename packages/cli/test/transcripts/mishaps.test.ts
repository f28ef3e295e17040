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

    it('ends with 2 where a message to be retained is longer than the broker may carry', async () => {
      const { folder: cwd, env } = office
      const stdin = 'x'.repeat(300_000)
      const args = ['--home', 'plant', 'pub', 'plant/long']
      const long = await run([...args, '--retain'], { cwd, env, stdin })
      expect(long).toMatchObject({ status: 2, stdout: '' })
      expect(long.stderr).toContain('retained')
      // Others go in pieces.
      expect(await run(args, { cwd, env, stdin })).toMatchObject({ status: 0 })
    })
  })

  describe('that was given another file', () => {
    it.each([
      [['domain', 'admit', 'plant.admission', '--out', 'x'], 2, /id admit plant.admission/],
      [['domain', 'admit', 'plant/store.db', '--out', 'x'], 2, /a store or the backup of one/],
      [['id', 'admit', 'plant.enrol'], 2, /domain admit plant.enrol/],
      [['id', 'admit', 'plant.admission'], 2, /--domain ID/],
      [['take', 'plant.enrol'], 2, /domain admit plant.enrol/],
      [['take', 'plant.admission'], 2, /id admit plant.admission/],
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

  it('publishes nothing where nothing came, unless that is said', async () => {
    const pub = ['pub', 'plant/empty']
    const nothing = await office.in('plant', ...pub)
    expect(nothing).toMatchObject({ status: 2, stdout: '' })
    expect(nothing.stderr).toContain("say ''")
    expect(await office.in('plant', ...pub, '')).toMatchObject({ status: 0 })
  })

  it('says which of several is meant, and whom nobody can be granted', async () => {
    for (const home of ['twin', 'double']) {
      await office.in(home, 'id', 'create', '--name', 'twin')
      await office.in(home, 'id', 'card', '--out', `${home}.card`)
      const { stdout } = await office.in(home, '--json', 'id', 'show')
      const { publicKey } = JSON.parse(stdout) as { publicKey: string }
      await office.in('plant', 'trust', 'pin', 'twin', publicKey)
    }
    await office.in('plant', 'pub', 'plant/said', 'x')
    const grant = (who: string): ReturnType<Office['in']> =>
      office.in('plant', 'grant', who, '--stream', 'plant/said')
    expect((await grant('twin')).stderr).toMatch(/several are called twin; .*: \S{12}, \S{12}/)
    expect((await grant('nemo')).stderr).toMatch(/nobody whom this home trusts is called nemo/)
    await office.enrol('gone')
    await office.in('gone', 'id', 'announce')
    const known = await office.in('plant', 'trust', 'list', '--refresh')
    expect(known.stdout).toMatch(/gone .*can be granted to/)
    await office.in('office', 'domain', 'revoke', 'gone', '--publish')
    const { stdout } = await office.in('plant', 'trust', 'list', '--refresh')
    expect(stdout).toMatch(/gone .*REVOKED/)
    expect(stdout).not.toMatch(/gone .*can be granted to/)
  })

  it('lists keepers and partners, and says where there are none', async () => {
    expect((await office.in('office', 'domain', 'partner', 'list')).stderr).toMatch(/no partners/)
    expect((await office.in('office', 'domain', 'keeper', 'list')).stderr).toMatch(/no keepers/)
    await office.in('office', 'domain', 'keeper', 'add', 'desk')
    expect((await office.in('office', 'domain', 'keeper', 'list')).stdout).toMatch(/^desk /)
  })

  it('shows a clear part alike to who reads and who inspects', async () => {
    const recording = office.start('desk', 'record', 'plant/clear', 'clear.wax', '--count', '1')
    await recording.shows(/Recording/)
    await office.in('plant', 'pub', 'plant/clear', 'x', '--clear-part', 'for all')
    await recording.ended()
    const opened = await office.in('plant', '--json', 'open', 'clear.wax')
    const inspected = await office.in('plant', '--json', 'inspect', 'clear.wax')
    expect(opened.stdout).toContain('"clearPart":"for all"')
    expect(inspected.stdout).toContain('"clearPart":"for all"')
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
