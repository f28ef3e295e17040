// SPDX-License-Identifier: Apache-2.0
/**
 * Files that are sent and received by processes, whatever happens to these and to their connections.
 */
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import {
  mosquittoAvailable,
  mountSmallDisk,
  requireOrSkip,
  startMosquitto,
  startProxy,
} from '@waxwing/testkit'
import { Office } from './office.js'
import type { Running } from './running.js'

vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 })

const MIB = 1_048_576

requireOrSkip('mosquitto', mosquittoAvailable())('files', () => {
  let office: Office
  let port: number

  beforeAll(async () => {
    const broker = await startMosquitto({ config: ['max_queued_messages 0'] })
    port = broker.port
    office = await Office.beside(broker, 'plant', 'desk')
    await office.in('desk', 'id', 'card', '--out', 'desk.card')
    await office.in('plant', 'take', 'desk.card')
  })

  afterAll(() => office.close())

  /** A stream that the desk may read. */
  async function granted(stream: string): Promise<string> {
    await office.in('plant', 'pub', stream, 'begin')
    const grant = await office.in('plant', 'grant', 'desk', '--stream', stream)
    expect(grant.status).toBe(0)
    return stream
  }

  function made(name: string, bytes: number): Buffer {
    const content = randomBytes(bytes)
    writeFileSync(office.path(name), content)
    return content
  }

  function receiving(path: string, stream: string, ...more: readonly string[]): Running {
    return office.start('desk', 'receive', path, '--stream', stream, ...more)
  }

  function viaProxy(proxyPort: number): Record<string, string> {
    return { WAXWING_BROKER: `mqtt://127.0.0.1:${proxyPort}` }
  }

  /** Waits until so much of a file that comes is there, or all of it. */
  async function partHas(path: string, bytes: number): Promise<void> {
    const sizeOf = (name: string): number =>
      statSync(office.path(name), { throwIfNoEntry: false })?.size ?? 0
    const size = (): number => Math.max(sizeOf(`${path}.part`), sizeOf(path))
    await expect.poll(size, { timeout: 60_000, interval: 5 }).toBeGreaterThanOrEqual(bytes)
  }

  it('of 16 MiB arrive over connections that are cut', async () => {
    const stream = await granted('plant/cut')
    const content = made('cut.bin', 16 * MIB)
    const proxies = [await startProxy(port), await startProxy(port)] as const
    const [far, near] = proxies
    const args = ['receive', 'cut.out', '--stream', stream]
    const desk = office.startWith(viaProxy(far.port), 'desk', ...args)
    await desk.shows(/Waiting for files/)
    const plant = office.startWith(
      viaProxy(near.port),
      'plant',
      'send',
      'cut.bin',
      '--stream',
      stream,
    )
    for (const mebibytes of [2, 6, 10]) {
      await partHas('cut.out', mebibytes * MIB)
      for (const proxy of proxies) proxy.cut()
    }
    const sha256 = createHash('sha256').update(content).digest('hex')
    expect(await plant.ended()).toMatchObject({ status: 0 })
    expect(plant.stdout).toContain(`SHA-256 ${sha256}`)
    const received = await desk.ended()
    expect(received.status).toBe(0)
    expect(received.stdout).toContain(`SHA-256 ${sha256}`)
    expect(readFileSync(office.path('cut.out')).equals(content)).toBe(true)
    for (const proxy of proxies) await proxy.close()
  })

  it('survive the death of either end at any moment', async () => {
    const stream = await granted('plant/killed')
    const content = made('killed.bin', 12 * MIB)
    const send = ['send', 'killed.bin', '--stream', stream]
    let desk = receiving('killed.out', stream)
    await desk.shows(/Waiting for files/)
    let plant = office.start('plant', ...send)
    for (const mebibytes of [1, 4, 7]) {
      await partHas('killed.out', mebibytes * MIB)
      desk.process.kill('SIGKILL')
      if (mebibytes === 4) {
        plant.process.kill('SIGKILL')
        await plant.ended()
        plant = office.start('plant', ...send)
      }
      await desk.ended()
      desk = receiving('killed.out', stream)
    }
    expect(await plant.ended()).toMatchObject({ status: 0 })
    const received = await desk.ended()
    expect(received.stderr).not.toMatch(/contradicts/)
    expect(received.status).toBe(0)
    expect(readFileSync(office.path('killed.out')).equals(content)).toBe(true)
    expect(readdirSync(office.folder).filter((name) => name.startsWith('killed.out'))).toEqual([
      'killed.out',
    ])
  })

  it('go on after an interruption, and begin anew where they were changed', async () => {
    const stream = await granted('plant/paused')
    made('paused.bin', 24 * MIB)
    const send = ['send', 'paused.bin', '--stream', stream]
    const desk = receiving('paused.out', stream)
    await desk.shows(/Waiting for files/)
    const plant = office.start('plant', ...send)
    await partHas('paused.out', 1 * MIB)
    plant.process.kill('SIGINT')
    const stopped = await plant.ended()
    expect(stopped.status).toBe(10)
    expect(stopped.stderr).toMatch(/stopped after .* of 24.0 MiB: the same command goes on/)
    desk.process.kill('SIGINT')
    const gaveUp = await desk.ended()
    expect(gaveUp.status).toBe(10)
    expect(gaveUp.stderr).toMatch(/paused.bin is not complete: \d+ pieces of 97; missing \d+-96/)
    const next = receiving('paused.out', stream)
    const again = await office.in('plant', ...send)
    expect(again.stderr).toMatch(/Going on at .* of 24.0 MiB/)
    expect(await next.ended()).toMatchObject({ status: 0 })
    expect(readFileSync(office.path('paused.out'))).toEqual(readFileSync(office.path('paused.bin')))

    const changed = made('paused.bin', 100)
    const third = receiving('paused.2', stream)
    const other = await office.in('plant', ...send)
    expect(other).toMatchObject({ status: 0 })
    expect(other.stderr).not.toContain('Going on')
    await third.ended()
    expect(readFileSync(office.path('paused.2')).equals(changed)).toBe(true)
  })

  it('come several at a time into a folder, by names that do no harm', async () => {
    const stream = await granted('plant/many')
    const [one, two] = [made('one.bin', 2 * MIB), made('two.bin', 3 * MIB)]
    mkdirSync(office.path('inbox'))
    writeFileSync(office.path('inbox/one.bin'), 'was here before')
    const desk = receiving('inbox', stream)
    await desk.shows(/Waiting for files/)
    const send = ['send', '--stream', stream]
    await Promise.all([
      office.in('plant', ...send, 'one.bin'),
      office.in('plant', ...send, 'two.bin', '--name', '../../.hidden'),
    ])
    await desk.shows(/Received[^]*Received/)
    await office.in('plant', 'pub', stream, 'a message, and no file')
    made('small.txt', 10)
    await office.in('plant', ...send, 'small.txt')
    await desk.shows(/Received[^]*Received[^]*Received/)
    desk.process.kill('SIGINT')
    const ended = await desk.ended()
    expect(ended.status).toBe(0)
    expect(ended.stderr).toContain('Not taken: 1 (messages, which are no files')
    const inbox = (name: string): Buffer => readFileSync(office.path(join('inbox', name)))
    expect(inbox('one.bin').toString()).toBe('was here before')
    expect(inbox('one (1).bin').equals(one)).toBe(true)
    expect(inbox('hidden').equals(two)).toBe(true)
    expect(inbox('small.txt')).toHaveLength(10)
    expect(readdirSync(office.path('inbox'))).toHaveLength(4)
  })

  it('wait for a grant, all of them, and nothing is lost meanwhile', async () => {
    const stream = 'plant/ungranted'
    const content = made('ungranted.bin', 3 * MIB)
    const desk = receiving('ungranted.out', stream)
    await desk.shows(/Waiting for files/)
    await office.in('plant', 'send', 'ungranted.bin', '--stream', stream)
    await desk.shows(/Kept until there is a key/)
    expect(existsSync(office.path('ungranted.out.part'))).toBe(false)
    await office.in('plant', 'grant', 'desk', '--stream', stream, '--from', '1h ago')
    expect(await desk.ended()).toMatchObject({ status: 0 })
    expect(readFileSync(office.path('ungranted.out')).equals(content)).toBe(true)
  })

  it('that are too large for sub are told once, with what takes them', async () => {
    const stream = await granted('plant/large')
    made('large.bin', 18 * MIB)
    const desk = office.start('desk', 'sub', stream)
    await desk.shows(/Reading/)
    await office.in('plant', 'send', 'large.bin', '--stream', stream)
    await office.in('plant', 'pub', stream, 'what comes after it')
    await desk.shows(/what comes after it/)
    desk.process.kill('SIGINT')
    const { stderr } = await desk.ended()
    expect(stderr.match(/waxwing receive FILE --stream plant\/large/g)).toHaveLength(1)
  })

  it('are told as JSON, from standard input as from a file', async () => {
    const stream = await granted('plant/json')
    // From now on the broker keeps what comes: with --json nothing says when that is.
    await receiving('json.out', stream, '--timeout', '1s').ended()
    const desk = receiving('json.out', stream, '--json')
    const sender = office.start(
      'plant',
      'send',
      '-',
      '--stream',
      stream,
      '--name',
      'a.txt',
      '--json',
    )
    sender.process.stdin?.end('hello')
    const sent = JSON.parse((await sender.ended()).stdout) as object
    const sha256 = createHash('sha256').update('hello').digest('hex')
    expect(sent).toMatchObject({ sent: '-', stream, pieces: 1, byteCount: 5, sha256 })
    const lines = (await desk.ended()).stdout.trim().split('\n')
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({
      received: office.path('json.out'),
      byteCount: 5,
      doubled: 0,
      sha256,
      sentBy: 'plant',
      name: 'a.txt',
      contentType: 'text/plain',
    })
  })

  it('do not replace others, and are no folders', async () => {
    made('there', 1)
    const there = await office.in('desk', 'receive', 'there', '--stream', 'plant/x')
    expect(there).toMatchObject({ status: 2 })
    expect(there.stderr).toContain('--overwrite')
    expect(await office.in('plant', 'send', '.', '--stream', 'plant/x')).toMatchObject({
      status: 2,
    })
    expect(await office.in('plant', 'send', 'nobody', '--stream', 'plant/x')).toMatchObject({
      status: 2,
    })
  })

  it('that do not come are not waited for longer than was said', async () => {
    const desk = await office.in('desk', 'receive', 'n', '--stream', 'plant/y', '--timeout', '1s')
    expect(desk).toMatchObject({ status: 8, stdout: '' })
    expect(desk.stderr).toContain('nothing came for 1s')
  })

  it('stay at the broker while the disk is full, and come when there is room', async (context) => {
    const disk = mountSmallDisk(office.path('disk'), 8)
    if (disk === undefined) return context.skip('nothing can be mounted here')
    const stream = await granted('plant/full')
    const content = made('full.bin', 4 * MIB)
    disk.fill()
    const desk = receiving('disk/full.out', stream)
    await desk.shows(/Waiting for files/)
    await office.in('plant', 'send', 'full.bin', '--stream', stream)
    const full = await desk.ended()
    expect(full.status).toBe(2)
    expect(full.stderr).toMatch(/ENOSPC|no space/)
    disk.free()
    expect(await receiving('disk/full.out', stream).ended()).toMatchObject({ status: 0 })
    expect(readFileSync(office.path('disk/full.out')).equals(content)).toBe(true)
    disk.close()
  })
})
