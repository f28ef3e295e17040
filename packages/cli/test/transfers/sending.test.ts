// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto'
import { appendFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Output } from '../../src/output.js'
import { contentTypeOfFile } from '../../src/transfers/content-type.js'
import { byteSize, Pace } from '../../src/transfers/pace.js'
import { SendRecord, type Sending } from '../../src/transfers/send-record.js'
import { SentFile } from '../../src/transfers/sent-file.js'

const sending: Sending = {
  path: '/x/f',
  size: 1000,
  modifiedMs: 5,
  stream: 'a/b',
  broker: 'mqtt://h',
  name: 'f',
  contentType: 'text/plain',
}

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'waxwing-send-'))
})

afterEach(() => rmSync(folder, { recursive: true }))

describe('the record of a file that is sent', () => {
  it('goes on at the first piece that the broker has not taken', () => {
    const record = new SendRecord(folder, sending)
    expect(record.from).toBe(0)
    record.note(3, 300)
    record.save()
    const again = new SendRecord(folder, sending)
    expect(again.state).toEqual({ transfer: record.state.transfer, pieceBytes: 100, pieces: 3 })
    expect(again.from).toBe(3)
    again.note(10, 1000)
    again.save()
    expect(new SendRecord(folder, sending).from).toBe(9) // there must be one to send
  })

  it('is the same transfer where nothing was taken yet, and another one where that is wanted', () => {
    const record = new SendRecord(folder, sending)
    record.save()
    const again = new SendRecord(folder, sending)
    expect(again.state.transfer).toBe(record.state.transfer)
    again.restart()
    expect(again.state.transfer).not.toBe(record.state.transfer)
  })

  it.each([
    { size: 1001 },
    { modifiedMs: 6 },
    { stream: 'a/c' },
    { broker: 'mqtt://i' },
    { name: 'g' },
  ])('is not of another file or another way: %j', (other) => {
    const record = new SendRecord(folder, sending)
    record.note(3, 300)
    record.save()
    const state = new SendRecord(folder, { ...sending, ...other }).state
    expect(state.transfer).not.toBe(record.state.transfer)
    expect(state.pieces).toBe(0)
  })

  it('that is damaged counts as none', () => {
    const record = new SendRecord(folder, sending)
    record.note(3, 300)
    record.save()
    const [name = ''] = readdirSync(folder)
    for (const text of [
      '',
      '{}',
      '[]',
      JSON.stringify({ sending, state: { transfer: 'x', pieces: 1 } }),
    ]) {
      writeFileSync(join(folder, name), text)
      expect(new SendRecord(folder, sending).state.pieces, text).toBe(0)
    }
  })
})

describe('the bytes of a file that is sent', () => {
  it('begin where they are wanted, and the digest is of all of them', async () => {
    const path = join(folder, 'f')
    const content = Buffer.alloc(600_000, 'abcdefg')
    writeFileSync(path, content)
    const file = new SentFile(path)
    const parts: Uint8Array[] = []
    for await (const part of file.bytesFrom(300_001)) parts.push(part.slice())
    expect(Buffer.concat(parts)).toEqual(content.subarray(300_001))
    expect(file.sha256).toBe(createHash('sha256').update(content).digest('hex'))
  })

  it('do not come to their end where the file was changed meanwhile', async () => {
    const path = join(folder, 'f')
    writeFileSync(path, Buffer.alloc(600_000))
    const read = async (): Promise<void> => {
      for await (const part of new SentFile(path).bytesFrom(0)) {
        if (part.length > 0) appendFileSync(path, 'x')
      }
    }
    await expect(read()).rejects.toThrow('was changed while it was sent')
  })
})

describe('how far a file is', () => {
  it('is told with its speed and what is left', () => {
    let ms = 0
    let text = ''
    const stderr = { isTTY: true, write: (chunk: unknown) => (text += String(chunk)) }
    const output = new Output({ json: false, quiet: false, stdout: stderr, stderr })
    const pace = new Pace(output, 'f', () => ms)
    const mib = 1024 * 1024
    pace.show(10 * mib, 100 * mib)
    ms = 2000
    text = ''
    pace.show(30 * mib, 100 * mib)
    expect(text).toContain('30 %  f, 10.0 MiB/s, 7s left')
    text = ''
    pace.show(31 * mib, 100 * mib)
    expect(text).toBe('') // nobody could have seen the one before
    ms = 3000
    pace.show(40 * mib, undefined)
    expect(text).toContain('f, 40.0 MiB, 10.0 MiB/s')
  })

  it('is told in units that people know', () => {
    expect([0, 1023, 1024, 12.3 * 1024 * 1024, 5 * 2 ** 40].map(byteSize)).toEqual([
      '0 B',
      '1023 B',
      '1.0 KiB',
      '12.3 MiB',
      '5.0 TiB',
    ])
  })
})

it('the type of a file is that of its extension, or unknown', () => {
  expect(contentTypeOfFile('/a/B.PDF')).toBe('application/pdf')
  expect(contentTypeOfFile('a.constructor')).toBe('application/octet-stream')
  expect(contentTypeOfFile('-')).toBe('application/octet-stream')
})
