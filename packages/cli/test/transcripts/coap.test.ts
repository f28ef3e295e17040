// SPDX-License-Identifier: Apache-2.0
/**
 * `waxwing coap` as processes: against itself, and against libcoap.
 */
import { readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import {
  libcoapAvailable,
  requireOrSkip,
  runCoapClient,
  startCoapServer,
  type LibcoapServer,
} from '@waxwing/testkit'
import { CoapHomes } from './coap-homes.js'
import type { Running } from './running.js'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const SECRET = '0102030405060708090a0b0c0d0e0f10'

interface Shown {
  readonly [key: string]: unknown
}

function json(stdout: string): readonly Shown[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Shown)
}

describe('a folder behind EDHOC', () => {
  let homes: CoapHomes
  let uri: string
  let server: Running

  beforeAll(async () => {
    homes = await CoapHomes.open('valve', 'desk', 'stranger')
    writeFileSync(homes.path('files/opening.txt'), '75')
    writeFileSync(homes.path('files/.hidden'), 'nobody is to see this')
    writeFileSync(homes.path('outside.txt'), 'nor this')
    symlinkSync(homes.path('outside.txt'), homes.path('files/link.txt'))
    await homes.coap('valve', 'peer', 'add', 'desk', 'desk.credential')
    const listening = await homes.listen('valve', 'serve', 'files', '--writable')
    uri = listening.uri
    server = listening.running
    await homes.coap('desk', 'peer', 'add', 'valve', 'valve.credential', '--at', uri)
  })

  afterAll(() => homes.close())

  it('is asked under protection without another word', async () => {
    const asked = await homes.coap('desk', 'get', `${uri}/opening.txt`)
    expect(asked).toMatchObject({ status: 0, stdout: '75\n' })
    expect(asked.stderr).toContain('2.05 Content, text/plain (0), 2 bytes; EDHOC with valve')
    const again = await homes.coap('desk', 'get', `${uri}/opening.txt`, '--json')
    expect(json(again.stdout)).toMatchObject([
      { code: '2.05', text: '75', protection: 'EDHOC', peer: 'valve' },
    ])
    expect(server.stdout).toMatch(/ {2}desk {2}GET \/opening\.txt {2}2\.05 Content {2}2 bytes/)
  })

  it('is closed to whoever is not known, and to plain requests of who is', async () => {
    const plain = await homes.coap('desk', 'get', `${uri}/opening.txt`, '--plain')
    expect(plain).toMatchObject({ status: 9, stdout: '' })
    expect(plain.stderr).toContain('4.01')
    expect(plain.stderr).toContain('waxwing coap peer add')
    await homes.coap('stranger', 'peer', 'add', 'valve', 'valve.credential', '--at', uri)
    const stranger = await homes.coap('stranger', 'get', `${uri}/opening.txt`)
    expect(stranger.status).toBeGreaterThan(0)
    expect(stranger.stdout).toBe('')
    const nobody = await homes.coap('desk', 'get', `${uri}/opening.txt`, '--peer', 'nobody')
    expect(nobody.status).toBe(5)
  })

  it('takes, shows and deletes files, and never one outside', async () => {
    const big = new Uint8Array(70_000).map((_, index) => index % 251)
    writeFileSync(homes.path('big.bin'), big)
    const put = await homes.coap('desk', 'put', `${uri}/a/big.bin`, '--file', 'big.bin')
    expect(put.stderr).toContain('2.01 Created')
    expect(new Uint8Array(readFileSync(homes.path('files/a/big.bin')))).toEqual(big)
    const got = await homes.coap('desk', 'get', `${uri}/a/big.bin`, '--out', 'copy.bin')
    expect(got).toMatchObject({ status: 0, stdout: 'Wrote copy.bin, 70,000 bytes\n' })
    expect(new Uint8Array(readFileSync(homes.path('copy.bin')))).toEqual(big)
    const listed = await homes.coap('desk', 'discover', uri, '--json')
    expect(json(listed.stdout).map(({ href }) => href)).toEqual(['/a/big.bin', '/opening.txt'])
    const [{ etag } = {}] = json(
      (await homes.coap('desk', 'get', `${uri}/a/big.bin`, '--json')).stdout,
    )
    const deletion = ['delete', `${uri}/a/big.bin`, '--if-match']
    expect(await homes.coap('desk', ...deletion, '00')).toMatchObject({ status: 9 })
    expect(await homes.coap('desk', ...deletion, String(etag))).toMatchObject({ status: 0 })
    for (const path of ['.hidden', 'link.txt', '%2e%2e/outside.txt', 'a%2f..%2f..%2foutside.txt']) {
      const asked = await homes.coap('desk', 'get', `${uri}/${path}`)
      expect(asked, path).toMatchObject({ status: 9, stdout: '' })
    }
    await homes.coap('desk', 'put', `${uri}/link.txt`, 'changed')
    expect(readFileSync(homes.path('outside.txt'), 'utf8')).toBe('nor this')
  })

  it('tells observers what changed, until they have seen enough', async () => {
    const observer = homes.start('desk', 'observe', `${uri}/opening.txt`, '--count', '2')
    await observer.shows(/ {2}75$/m)
    // At once: who looks in the middle of writing sees nothing, which is a state as well.
    writeFileSync(homes.path('files/.opening.new'), '80')
    renameSync(homes.path('files/.opening.new'), homes.path('files/opening.txt'))
    const { status, stdout } = await observer.ended()
    expect(status).toBe(0)
    expect(stdout).toMatch(/ {2}75\n.* {2}80\n$/)
  })

  it('is read no more by who is removed while it runs, and again by who is added', async () => {
    await homes.coap('valve', 'peer', 'remove', 'desk')
    const removed = await homes.coap('desk', 'get', `${uri}/opening.txt`)
    expect(removed.status).toBe(5)
    expect(removed.stderr).toContain('waxwing coap peer add')
    await homes.coap('valve', 'peer', 'add', 'desk', 'desk.credential')
    expect(await homes.coap('desk', 'get', `${uri}/opening.txt`)).toMatchObject({ status: 0 })
  })

  it('says how it ended', async () => {
    const { status, stderr } = await homes.end(server)
    expect(status).toBe(0)
    expect(stderr).toMatch(/Answered \d+ requests\.\n$/)
  })
})

describe('what is known in CoAP', () => {
  let homes: CoapHomes

  beforeAll(async () => {
    homes = await CoapHomes.open('a', 'b')
  })

  afterAll(() => homes.close())

  it('is one credential a home, and peers by a name and a credential of their own', async () => {
    const first = await homes.coap('a', 'id')
    const again = await homes.coap('a', 'id', '--json')
    expect(json(again.stdout)).toMatchObject([{ credential: first.stdout.trim() }])
    expect(readFileSync(homes.path('a.credential'), 'utf8')).toBe(first.stdout)
    const added = await homes.coap(
      'b',
      'peer',
      'add',
      'anna',
      first.stdout.trim(),
      '--at',
      'x.example',
    )
    expect(added.stdout).toBe('Added anna, which calls itself a; expected at x.example:5683\n')
    expect(await homes.coap('b', 'peer', 'add', 'bert', 'a.credential')).toMatchObject({
      status: 2,
    })
    expect(await homes.coap('b', 'peer', 'add', 'no/name', 'a.credential')).toMatchObject({
      status: 2,
    })
    writeFileSync(homes.path('none'), 'this is no credential')
    expect((await homes.coap('b', 'peer', 'add', 'none', 'none')).status).toBe(4)
    const { stdout } = await homes.coap('b', 'peer', 'list', '--json')
    expect(json(stdout)).toMatchObject([{ name: 'anna', at: ['x.example:5683'] }])
    expect(await homes.coap('b', 'peer', 'remove', 'anna')).toMatchObject({ status: 0 })
    expect(await homes.coap('b', 'peer', 'remove', 'anna')).toMatchObject({ status: 5 })
  })

  it('is contexts of files, whose secrets are never shown', async () => {
    const context = { masterSecret: SECRET, senderId: '01', recipientId: '02' }
    writeFileSync(homes.path('open.json'), JSON.stringify(context), { mode: 0o644 })
    const warned = await homes.coap('a', 'context', 'add', 'meter', 'open.json')
    expect(warned.stderr).toContain('chmod 600 open.json')
    const listed = await homes.coap('a', 'context', 'list')
    expect(listed.stdout).toMatch(/^meter +sender id 01; recipient id 02\n$/)
    writeFileSync(homes.path('bad.json'), `{"masterSecret":"${SECRET}zz","senderId":"01"}`)
    const bad = await homes.coap('a', 'context', 'add', 'bad', 'bad.json')
    expect(bad).toMatchObject({ status: 2 })
    expect(bad.stderr).toContain('masterSecret of bad.json is no text of hex digits')
    for (const { stdout, stderr } of [warned, listed, bad]) {
      expect(stdout + stderr).not.toContain(SECRET)
    }
  })

  it('never begins anew with keys that were used under another name', async () => {
    const add = ['context', 'add', '--recorded']
    expect(await homes.coap('a', 'context', 'remove', 'meter')).toMatchObject({ status: 0 })
    const renamed = await homes.coap('a', ...add, 'other', 'open.json')
    expect(renamed).toMatchObject({ status: 2 })
    expect(renamed.stderr).toContain('were used here as meter')
    expect(await homes.coap('a', ...add, 'meter', 'open.json')).toMatchObject({ status: 0 })
  })

  it('is told to be wrong where it is', async () => {
    for (const args of [
      ['get', 'http://example/'],
      ['get', 'coap://x/', '--plain', '--edhoc'],
      ['get', 'coap://x/', '--block-size', '100'],
      ['put', 'coap://x/', 'text', '--file', 'open.json'],
      ['delete', 'coap://x/', '--if-match', 'tag'],
      ['serve'],
      ['serve', 'files', '--to', 'coap://x'],
      ['serve', 'files', '--plain', '--edhoc'],
      ['proxy'],
      ['proxy', '--allow', '*', '--http', '0', '--http-host', '0.0.0.0'],
      ['peer', 'add', 'x', 'a.credential', '--at', 'coap://x/path'],
    ]) {
      expect(await homes.coap('b', ...args), args.join(' ')).toMatchObject({ status: 2 })
    }
    const nobody = await homes.coap('b', 'serve', 'files', '--port', '0')
    expect(nobody).toMatchObject({ status: 5 })
    expect(nobody.stderr).toContain('--plain')
  })
})

requireOrSkip('libcoap', libcoapAvailable())('beside libcoap', () => {
  let homes: CoapHomes
  let libcoap: LibcoapServer

  beforeAll(async () => {
    libcoap = await startCoapServer({ dynamicResources: 500 })
    homes = await CoapHomes.open('head', 'meter')
    for (const [home, senderId, recipientId] of [
      ['head', '01', '02'],
      ['meter', '02', '01'],
    ] as const) {
      const text = JSON.stringify({ masterSecret: SECRET, senderId, recipientId })
      writeFileSync(homes.path(`${home}.json`), text, { mode: 0o600 })
    }
  })

  afterAll(async () => {
    await homes.close()
    await libcoap.close()
  })

  it('asks a server of another make, and says that nothing is protected', async () => {
    const put = await homes.coap('head', 'put', `${libcoap.url}/lamp`, 'on')
    expect(put.stderr).toBe('2.01 Created; NOT PROTECTED\n')
    const got = await homes.coap('head', 'get', `${libcoap.url}/lamp`)
    expect(got).toMatchObject({ status: 0, stdout: 'on\n' })
    const gone = await homes.coap('head', 'get', `${libcoap.url}/nothing`, '--json')
    expect(gone).toMatchObject({ status: 9, stdout: '' })
    expect(JSON.parse(gone.stderr)).toMatchObject({ error: 'ERR_RESPONSE', exit: 9 })
    const seen = await homes.coap(
      'head',
      'observe',
      `${libcoap.url}/time`,
      '--count',
      '2',
      '--json',
    )
    expect(json(seen.stdout)).toHaveLength(2)
    const once = await homes.coap('head', 'observe', `${libcoap.url}/`)
    expect(once.stderr).toContain('cannot be observed')
  })

  it('is asked by clients of another make, where that was said', async () => {
    writeFileSync(homes.path('files/t.txt'), '21.5')
    const { uri, running } = await homes.listen('head', 'serve', 'files', '--plain')
    expect(running.stderr).toContain('NOT PROTECTED')
    expect((await runCoapClient(['-m', 'get', `${uri}/t.txt`])).text).toBe('21.5')
    expect((await runCoapClient(['-m', 'put', '-e', 'x', `${uri}/t.txt`])).errors).toContain('4.05')
    await homes.end(running)
  })

  it('protects a server of another make in one line, also through a proxy', async () => {
    const args = ['context', 'add', '--at']
    await homes.coap('meter', 'context', 'add', 'head', 'meter.json')
    const { uri } = await homes.listen('meter', 'serve', '--to', libcoap.url, '--oscore', 'head')
    await homes.coap('head', ...args, uri, '--', 'meter', 'head.json')
    const { uri: proxy, running } = await homes.listen('head', 'proxy', '--allow', '127.0.0.1')
    for (const way of [[], ['--proxy', proxy]]) {
      const asked = await homes.coap('head', 'get', `${uri}/time`, ...way)
      expect(asked.stderr).toBe('2.05 Content, 15 bytes; OSCORE with meter\n')
      const seen = await homes.coap('head', 'observe', `${uri}/time`, '--count', '2', ...way)
      expect(seen).toMatchObject({ status: 0 })
    }
    expect((await runCoapClient(['-m', 'get', `${uri}/time`])).errors).toContain('4.01')
    const { stdout } = await homes.end(running)
    expect(stdout).toContain(`(protected) ${uri}`)
    expect(stdout).not.toContain('/time')
  })

  it('lets several observe one resource of a server that keeps one observation a port', async () => {
    const { uri } = await homes.listen('head', 'serve', '--to', libcoap.url, '--plain')
    const observers = [1, 2, 3].map(() =>
      homes.start('head', 'observe', `${uri}/time`, '--count', '3'),
    )
    for (const observer of observers) expect(await observer.ended()).toMatchObject({ status: 0 })
  })

  it('keeps what is fresh for the next who asks, by CoAP and by HTTP', async () => {
    await homes.coap('head', 'put', `${libcoap.url}/kept`, 'the same for all')
    const allow = ['--allow', libcoap.url.slice('coap://'.length)]
    const args = ['proxy', ...allow, '--cache', '--http', '0', '--json']
    const { uri, running } = await homes.listen('head', ...args)
    await running.shows(/By HTTP at (\S+)coap:/)
    const [, http = ''] = /By HTTP at (\S+)coap:/.exec(running.stderr) ?? []
    const through = ['get', `${libcoap.url}/kept`, '--proxy']
    for (const proxy of [uri, uri, http]) {
      const asked = await homes.coap('head', ...through, proxy)
      expect(asked, proxy).toMatchObject({ status: 0, stdout: 'the same for all\n' })
    }
    const headers = { Origin: 'https://page.example' }
    const page = await fetch(`${http}${libcoap.url}/kept`, { method: 'POST', headers })
    expect(page.status).toBe(403)
    const elsewhere = await homes.coap('head', 'get', 'coap://127.0.0.1:9/x', '--proxy', uri)
    expect(elsewhere).toMatchObject({ status: 9 })
    const { stdout } = await homes.end(running)
    const told = json(stdout)
    const byHttp = { byHttp: true, target: `${libcoap.url}/kept`, code: '2.05' }
    expect(told.filter((line) => line['byHttp'] === true)).toMatchObject([byHttp])
    expect(told.at(-1)).toMatchObject({ hits: 2, misses: 1 })
  })

  it('stands in for several servers', async () => {
    const route = `/north=${libcoap.url}`
    const { uri } = await homes.listen('head', 'proxy', '--route', route)
    await homes.coap('head', 'put', `${libcoap.url}/fan`, 'slow')
    expect(await homes.coap('head', 'get', `${uri}/north/fan`)).toMatchObject({ stdout: 'slow\n' })
    expect(await homes.coap('head', 'get', `${uri}/south/fan`)).toMatchObject({ status: 9 })
  })

  it('publishes, asks and grants over a broker of CoAP', async () => {
    const broker = ['--broker', libcoap.url]
    rmSync(homes.path('office'), { recursive: true, force: true })
    await homes.in('office', 'domain', 'init', 'office', '--no-recovery')
    const { stdout: id } = await homes.in('office', 'domain', 'show', '--id')
    for (const name of ['head', 'meter']) {
      await homes.in(name, 'id', 'enrol', '--out', `${name}.enrol`, '--produces', `${name}/#`)
      const to = ['--out', `${name}.admission`]
      await homes.in('office', 'domain', 'admit', `${name}.enrol`, '--as-asked', ...to)
      await homes.in(name, 'id', 'admit', `${name}.admission`, '--domain', id.trim())
    }
    expect(await homes.in('meter', ...broker, 'pub', 'meter/x', '21.5')).toMatchObject({
      status: 0,
    })
    const reading = ['sub', 'meter/x', '--count', '1', '--for', '1m', ...broker]
    const reader = homes.in('head', ...reading)
    // A grant that nobody asked for takes a key card, which a reader announces.
    await vi.waitFor(async () => {
      const known = await homes.in('meter', ...broker, 'trust', 'list', '--refresh')
      expect(known.stdout).toMatch(/^head .*can be granted to/m)
    }, 60_000)
    const granted = await homes.in('meter', ...broker, 'grant', 'head', '--stream', 'meter/x')
    expect(granted).toMatchObject({ status: 0 })
    const { status, stdout } = await reader
    expect(stdout).toContain('21.5')
    expect(status).toBe(0)
  })
})
