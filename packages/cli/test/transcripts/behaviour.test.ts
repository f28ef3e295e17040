// SPDX-License-Identifier: Apache-2.0
/**
 * How the command behaves as a process: exit status, signals, pipes, secrets, several at once.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { ArchiveReader } from '@waxwing/core'
import { mosquittoAvailable, requireOrSkip, startMosquitto, type Mosquitto } from '@waxwing/testkit'
import { startHoldingRelay } from './holding-relay.js'
import { run, Running, type Ended } from './running.js'

// Each of these starts several processes, on machines that have other things to do.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'waxwing-cli-'))
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

function waxwing(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  return run(args, { cwd: folder, env })
}

describe('the command', () => {
  it('ends with 2 where it was given wrongly, and says what is right', async () => {
    const unknown = await waxwing(['pubb', 'a/b'])
    expect(unknown).toMatchObject({ status: 2, stdout: '' })
    expect(unknown.stderr).toContain('Did you mean pub?')
    expect(await waxwing(['sub', 'plant/a#'])).toMatchObject({ status: 2 })
    expect(await waxwing(['inspect', 'no-such-file'])).toMatchObject({ status: 2 })
    expect(await waxwing(['--help'])).toMatchObject({ status: 0, stderr: '' })
  })

  it('ends with 5 where nobody is at home, and as JSON tells that on standard error', async () => {
    const { status, stdout, stderr } = await waxwing(['--json', '--home', 'nobody', 'id', 'show'])
    expect(status).toBe(5)
    expect(stdout).toBe('')
    expect(JSON.parse(stderr)).toMatchObject({ error: 'ERR_KEY_UNKNOWN', exit: 5 })
  })

  it('ends with 6 where no broker answers', async () => {
    await waxwing(['--home', 'lonely', 'id', 'create', '--name', 'lonely'])
    const env = { WAXWING_BROKER: 'mqtt://127.0.0.1:1' }
    const failed = await waxwing(['--home', 'lonely', 'pub', 'a/b', 'x'], env)
    expect(failed.status).toBe(6)
    expect(failed.stderr).toContain('mqtt://127.0.0.1:1')
    expect(failed.stderr).toContain('waxwing doctor')
  })

  it('goes on trying where it is to run for long, and says why once', async () => {
    const env = { WAXWING_BROKER: 'mqtt://127.0.0.1:1' }
    const running = new Running(['--home', 'lonely', 'sub', 'a/b'], { cwd: folder, env })
    await running.shows(/Reading a\/b/)
    running.process.kill('SIGINT')
    const { status, stderr } = await running.ended()
    expect(status).toBe(0)
    expect(stderr.match(/ECONNREFUSED/g)).toHaveLength(1)
  })

  it('wants it said twice before a stream goes without signatures', async () => {
    const refused = await waxwing(['--home', 'lonely', 'pub', 'a/b', 'x', '--signature', 'none'])
    expect(refused.status).toBe(2)
    expect(refused.stderr).toContain('--any-reader-can-write')
  })

  it('keeps a store behind a passphrase that is in no argument and no file of the home', async () => {
    writeFileSync(join(folder, 'words'), 'correct horse battery staple\n', { mode: 0o600 })
    const args = ['--home', 'locked', '--passphrase-file', 'words']
    const made = await waxwing([...args, 'id', 'create', '--name', 'locked'])
    expect(made.status).toBe(0)
    expect(await waxwing([...args, 'id', 'show'])).toMatchObject({ status: 0 })
    const closed = await waxwing(['--home', 'locked', 'id', 'show'])
    expect(closed.status).toBe(7)
    for (const name of readdirSync(join(folder, 'locked'))) {
      const bytes = readFileSync(join(folder, 'locked', name))
      expect(bytes.includes('horse'), name).toBe(false)
    }
  })

  it('rekeys, backs up, restores and checks a store', async () => {
    const home = ['--home', 'lonely', 'store']
    expect(await waxwing([...home, 'backup', 'copy.db'])).toMatchObject({ status: 0 })
    expect(await waxwing([...home, 'backup', 'copy.db'])).toMatchObject({ status: 2 })
    const before = readFileSync(join(folder, 'lonely/store.key'))
    expect(await waxwing([...home, 'rekey'])).toMatchObject({ status: 0 })
    expect(readFileSync(join(folder, 'lonely/store.key'))).not.toEqual(before)
    expect(statSync(join(folder, 'lonely/store.key')).mode & 0o777).toBe(0o600)
    expect(await waxwing([...home, 'check'])).toMatchObject({ status: 0 })
    rmSync(join(folder, 'lonely/store.db'))
    // The backup was made under the key before.
    writeFileSync(join(folder, 'lonely/store.key'), before, { mode: 0o600 })
    expect(await waxwing([...home, 'restore', 'copy.db'])).toMatchObject({ status: 0 })
    expect(await waxwing(['--home', 'lonely', 'id', 'show'])).toMatchObject({ status: 0 })
  })

  it('trusts pinned keys without any domain, and brings a grant by file', async () => {
    for (const name of ['anna', 'bert']) {
      await waxwing(['--home', name, 'id', 'create', '--name', name])
      await waxwing(['--home', name, 'id', 'card', '--out', `${name}.card`])
    }
    const keyOf = async (name: string): Promise<string> => {
      const { stdout } = await waxwing(['--json', '--home', name, 'id', 'show'])
      return (JSON.parse(stdout) as { publicKey: string }).publicKey
    }
    const pin = ['trust', 'pin']
    await waxwing(['--home', 'anna', ...pin, 'bert', await keyOf('bert')])
    await waxwing(['--home', 'bert', ...pin, 'anna', await keyOf('anna'), '--produces', 'anna/#'])
    expect(await waxwing(['--home', 'anna', 'take', 'bert.card'])).toMatchObject({ status: 0 })
    const list = await waxwing(['--home', 'anna', 'trust', 'list'])
    expect(list.stdout).toMatch(/bert.*pinned; can be granted to/)
    expect(await waxwing(['--home', 'bert', 'trust', 'unpin', 'anna'])).toMatchObject({ status: 0 })
    expect(await waxwing(['--home', 'bert', 'trust', 'unpin', 'anna'])).toMatchObject({ status: 5 })
  })
})

requireOrSkip('mosquitto', mosquittoAvailable())('the command beside a broker', () => {
  let broker: Mosquitto
  let env: Record<string, string>

  beforeAll(async () => {
    broker = await startMosquitto()
    env = { WAXWING_BROKER: broker.url }
    await waxwing(['--home', 'office', 'domain', 'init', 'office', '--no-recovery'], env)
    for (const name of ['plant', 'desk']) await enrol(name)
  })

  afterAll(() => broker.close())

  async function enrol(name: string): Promise<void> {
    const { stdout } = await waxwing(['--home', 'office', 'domain', 'show', '--id'])
    const home = ['--home', name, 'id']
    await waxwing([...home, 'create', '--name', name])
    await waxwing([...home, 'enrol', '--out', `${name}.enrol`, '--produces', `${name}/#`])
    const admit = ['--home', 'office', 'domain', 'admit', `${name}.enrol`, '--as-asked']
    await waxwing([...admit, '--out', `${name}.admission`])
    await waxwing([...home, 'admit', `${name}.admission`, '--domain', stdout.trim()])
  }

  it('reads lines of standard input, and prints nothing but JSON lines where asked', async () => {
    const args = ['--json', '--home', 'plant', 'pub', 'plant/lines', '--lines']
    const { status, stdout } = await run(args, { cwd: folder, env, stdin: 'one\ntwo\nthree' })
    expect(status).toBe(0)
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { counter: number })
    expect(lines.map(({ counter }) => counter)).toEqual([0, 1, 2])
  })

  it('finishes at the first signal, with 0, and ends at once at the second', async () => {
    const first = new Running(['--home', 'desk', 'sub', 'desk/x'], { cwd: folder, env })
    await first.shows(/Reading desk\/x/)
    const same = await waxwing(['--home', 'desk', 'sub', 'desk/x'], env)
    expect(same.status).toBe(2)
    expect(same.stderr).toContain('runs on this home already')
    first.process.kill('SIGTERM')
    expect(await first.ended()).toMatchObject({ status: 0, signal: null })
    const second = new Running(['--home', 'desk', 'sub', 'desk/x'], { cwd: folder, env })
    await second.shows(/Reading desk\/x/)
    second.process.kill('SIGINT')
    second.process.kill('SIGINT')
    const { status, signal } = await second.ended()
    expect(signal === 'SIGINT' || status === 0).toBe(true)
  })

  it('is quiet when nobody reads its output any more', async () => {
    const running = new Running(['--json', '--home', 'desk', 'sub', 'plant/pipe'], {
      cwd: folder,
      env,
    })
    await running.shows(/Reading plant\/pipe/)
    running.process.stdout?.destroy()
    await waxwing(['--home', 'plant', 'pub', 'plant/pipe', 'x'], env)
    const { status, stderr } = await running.ended()
    expect(status).toBe(0)
    expect(stderr).not.toMatch(/EPIPE|Error/)
  })

  it('opens at once what a grant opens that another process takes from a file', async () => {
    const args = ['--home', 'desk', 'sub', 'plant/file', '--count', '1']
    const reading = new Running(args, { cwd: folder, env })
    await reading.shows(/Reading plant\/file/)
    await waxwing(['--home', 'plant', 'pub', 'plant/file', 'by file'], env)
    await reading.shows(/Kept until there is a key/)
    const grant = ['grant', 'desk', '--stream', 'plant/file', '--from', '1h ago']
    await waxwing(['--home', 'desk', 'id', 'card', '--out', 'desk.card'])
    await waxwing(['--home', 'plant', 'take', 'desk.card'], env)
    const made = await waxwing(['--home', 'plant', ...grant, '--out', 'file.grant'], env)
    expect(made.stderr + made.stdout).toContain('Wrote file.grant')
    await waxwing(['--home', 'desk', 'take', 'file.grant'], env)
    const { status, stdout } = await reading.ended()
    expect(status).toBe(0)
    expect(stdout).toContain('by file')
  })

  it('applies a rule that another process adds', async () => {
    const serving = new Running(['--home', 'plant', 'pub', 'plant/rule', 'ruled', '--keep-open'], {
      cwd: folder,
      env,
    })
    await serving.shows(/Answering requests/)
    const { stdout } = await waxwing(['--home', 'desk', 'id', 'show', '--id'])
    const rule = ['rules', 'add', 'desk', '--streams', 'plant/rule', '--principal', stdout.trim()]
    expect(await waxwing(['--home', 'plant', ...rule])).toMatchObject({ status: 0 })
    const args = ['--home', 'desk', 'sub', 'plant/rule', '--count', '1', '--timeout', '60s']
    const reading = new Running(args, { cwd: folder, env })
    await reading.shows(/Reading/)
    await waxwing(['--home', 'plant', 'pub', 'plant/rule', 'by rule'], env)
    const read = await reading.ended()
    expect(read.stdout).toContain('by rule')
    serving.process.kill('SIGTERM')
    expect(await serving.ended()).toMatchObject({ status: 0 })
  })

  it('asks for the grants that an archive lacks, and opens it when they come', async () => {
    const archive = ['record', 'plant/#', 'asked.wax', '--count', '1']
    const recording = new Running(archive, { cwd: folder, env })
    await recording.shows(/Recording/)
    await waxwing(['--home', 'plant', 'pub', 'plant/asked', 'for later'], env)
    expect(await recording.ended()).toMatchObject({ status: 0 })
    const watching = new Running(['--home', 'plant', 'requests', '--watch'], { cwd: folder, env })
    await watching.shows(/Listening for requests/)
    const opening = new Running(
      ['--home', 'desk', 'open', 'asked.wax', '--request', '--reason', 'audit'],
      { cwd: folder, env },
    )
    await watching.shows(/desk asks to read plant\/asked .*because: audit/)
    await waxwing(['--home', 'plant', 'grant', 'desk'], env)
    const { status, stdout } = await opening.ended()
    expect(status).toBe(0)
    expect(stdout).toContain('for later')
    watching.process.kill('SIGINT')
    await watching.ended()
  })

  it('records so that nothing acknowledged is lost when it is killed', async () => {
    const args = ['record', 'plant/#', 'killed.wax', '--no-control']
    const recording = new Running(args, { cwd: folder, env })
    await recording.shows(/Recording/)
    const lines = Array.from({ length: 50 }, (_, i) => `line ${i}`).join('\n')
    const pub = ['--home', 'plant', 'pub', 'plant/killed', '--lines']
    await run(pub, { cwd: folder, env, stdin: lines })
    const path = join(folder, 'killed.wax')
    const recorded = (): number => new ArchiveReader().push(readFileSync(path)).length
    await expect.poll(recorded).toBe(50)
    recording.process.kill('SIGKILL')
    await recording.ended()
    expect(recorded()).toBe(50)
    writeFileSync(path, readFileSync(path).subarray(0, -10))
    const again = await waxwing([...args, '--for', '1s'], env)
    expect(again.stderr).toContain('Cut off')
    expect(again.status).toBe(0)
  })

  it('grants by hand what a reader asks by file', async () => {
    for (const verb of ['grant', 'deny']) {
      expect(await waxwing(['--home', 'plant', verb, 'nobody'], env)).toMatchObject({ status: 5 })
    }
    const unknown = ['grant', 'nobody', '--stream', 'plant/lines']
    expect(await waxwing(['--home', 'plant', ...unknown], env)).toMatchObject({ status: 5 })
    const foreign = ['grant', 'desk', '--stream', 'other/lines']
    expect(await waxwing(['--home', 'plant', ...foreign], env)).toMatchObject({ status: 5 })
  })

  it('says since when a revocation counts, and what still does', async () => {
    await enrol('lost')
    const office = ['--home', 'office', 'domain', 'revoke', 'lost']
    const now = await waxwing(office)
    expect(now.stdout).toMatch(/Revoked lost \(.*\) since \d{4}-/)
    expect(now.stderr).toContain('counts until the epoch is over')
    const earlier = await waxwing(['--json', ...office, '--since', '1h ago'])
    const { since } = JSON.parse(earlier.stdout) as { since: string }
    expect(Date.now() - Date.parse(since)).toBeGreaterThan(3_500_000)
  })

  it('tells a home that was revoked so wherever it looks, and publishes nothing for it', async () => {
    await enrol('stolen')
    const stolen = (...args: readonly string[]): Promise<Ended> =>
      waxwing(['--home', 'stolen', ...args], env)
    expect(await stolen('pub', 'stolen/x', 'fine')).toMatchObject({ status: 0 })
    const keep = ['--home', 'stolen', 'pub', 'stolen/y', 'fine', '--keep-open']
    const running = new Running(keep, { cwd: folder, env })
    await running.shows(/Answering requests/)
    await waxwing(['--home', 'office', 'domain', 'revoke', 'stolen', '--publish'], env)
    expect(await running.ended()).toMatchObject({ status: 3 })
    const asked = await stolen('doctor')
    expect(asked.stdout).toMatch(/the broker keeps the same trust bundle/)
    expect(asked.status).toBe(3)
    expect(asked.stdout).toMatch(/BAD {2}revoked/)
    expect((await stolen('id', 'show')).stdout).toMatch(/^REVOKED +since/)
    const refused = await stolen('pub', 'stolen/x', 'not fine')
    expect(refused).toMatchObject({ status: 3, stdout: '' })
    expect(refused.stderr).toContain('ERR_REVOKED')
    const other = await waxwing(['--home', 'desk', 'doctor'], env)
    expect(other).toMatchObject({ status: 0 })
    expect(other.stdout).toMatch(/took trust bundle \d+ from the broker/)
    const again = await stolen('--json', 'doctor')
    expect(again.status).toBe(3)
    expect(again.stdout.match(/"check":"revoked"/g)).toHaveLength(1)
  })

  it('doctors the home of who runs a domain, and a home where nobody is', async () => {
    const owner = await waxwing(['--home', 'office', 'doctor'], env)
    expect(owner).toMatchObject({ status: 0 })
    expect(owner.stdout).toMatch(/domain .*office, its bundle valid until/)
    expect(await waxwing(['--home', 'nobody', 'doctor'], env)).toMatchObject({ status: 5 })
  })

  it('says at every message of a stream without signatures that anybody can write it', async () => {
    const pub = ['--home', 'plant', 'pub', 'plant/bare', 'x']
    const none = ['--signature', 'none', '--any-reader-can-write']
    expect((await waxwing([...pub, ...none], env)).stderr).toContain('NOT SIGNED')
    const again = await waxwing(['--json', ...pub], env)
    expect(again.stderr).toContain('NOT SIGNED')
    expect(JSON.parse(again.stdout)).toMatchObject({ signature: 'none' })
    const signed = await waxwing([...pub, '--signature', 'each'], env)
    expect(signed.stderr).not.toContain('NOT SIGNED')
  })

  it('hears who asks while it lists the requests, and says where nobody was heard', async () => {
    const requests = ['--home', 'plant', 'requests']
    const nobody = await waxwing([...requests, '--for', '1s'], env)
    expect(nobody).toMatchObject({ status: 0, stdout: '' })
    expect(nobody.stderr).toContain('requests --watch')
    expect(await waxwing([...requests, '--watch', '--for', '1s'], env)).toMatchObject({ status: 0 })
    await waxwing(['--home', 'plant', 'pub', 'plant/heard', 'x', '--retain'], env)
    // It listens for seconds: by then the other process stands ready to ask.
    const relay = await startHoldingRelay(broker.port, 'plant/heard')
    const args = ['--home', 'desk', 'sub', 'plant/heard', '--for', '3s']
    const viaRelay = { WAXWING_BROKER: `mqtt://127.0.0.1:${relay.port}` }
    const reading = new Running(args, { cwd: folder, env: viaRelay })
    await relay.held
    const listening = new Running(requests, { cwd: folder, env })
    await listening.shows(/Listening for requests/)
    relay.release()
    const { stdout } = await listening.ended()
    expect(stdout).toContain('desk')
    await reading.ended()
  })

  it('speaks MQTT 3.1.1 where it is told to, and logs in with a password from the environment', async () => {
    const guarded = await startMosquitto({ users: { anna: 'hidden-word' } })
    try {
      const home = ['--home', 'guarded']
      await waxwing([...home, '--broker', guarded.url, 'id', 'create', '--name', 'guarded'])
      await waxwing([...home, 'config', 'set', 'username', 'anna'])
      await waxwing([...home, 'config', 'set', 'protocolVersion', '4'])
      const word = (text: string): Record<string, string> => ({ WAXWING_BROKER_PASSWORD: text })
      const pub = [...home, 'pub', 'guarded/x', 'hello']
      expect(await waxwing(pub, word('hidden-word'))).toMatchObject({ status: 0 })
      expect(await waxwing(pub, word('wrong-word'))).toMatchObject({ status: 6 })
      const missing = await waxwing(pub)
      expect(missing.status).toBe(6)
      expect(missing.stderr).toContain('WAXWING_BROKER_PASSWORD')
      const config = readFileSync(join(folder, 'guarded/config.json'), 'utf8')
      expect(JSON.parse(config)).toEqual({
        broker: guarded.url,
        username: 'anna',
        protocolVersion: 4,
      })
    } finally {
      await guarded.close()
    }
  })

  it('finds everything well where it is, and says what to do where it is not', async () => {
    const well = await waxwing(['--home', 'plant', 'doctor'], env)
    expect(well).toMatchObject({ status: 0 })
    expect(well.stdout).not.toContain('BAD')
    const ill = await waxwing([
      '--json',
      '--home',
      'plant',
      'doctor',
      '--broker',
      'mqtt://127.0.0.1:1',
    ])
    expect(ill.status).toBe(6)
    const findings = ill.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object)
    expect(findings).toContainEqual(expect.objectContaining({ check: 'broker', state: 'bad' }))
  })
})
