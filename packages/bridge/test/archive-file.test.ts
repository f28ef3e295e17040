// SPDX-License-Identifier: Apache-2.0
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CborTag, encodeCbor } from '@waxwing/core'
import { mountSmallDisk } from '@waxwing/testkit'
import { ArchiveFile } from '../src/archive-file.js'

const ITEMS = ['one', 'two', 'three'].map((text) =>
  encodeCbor(new CborTag(16, [text, new Uint8Array(50)])),
)

describe('the file of an archive', () => {
  let folder: string
  let path: string

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'waxwing-archive-'))
    path = join(folder, 'a.wax')
  })

  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  async function write(items: readonly Uint8Array[]): Promise<ArchiveFile> {
    const file = await ArchiveFile.open(path)
    await Promise.all(items.map((item) => file.append(item)))
    await file.close()
    return file
  }

  it('holds what was appended, in order, for its owner alone', async () => {
    const { byteCount } = await write(ITEMS)
    expect(new Uint8Array(readFileSync(path))).toEqual(new Uint8Array(Buffer.concat(ITEMS)))
    expect(byteCount).toBe(Buffer.concat(ITEMS).length)
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it('has whole items alone after a disk that was full', async (context) => {
    const disk = mountSmallDisk(join(folder, 'disk'), 1)
    if (disk === undefined) return context.skip('nothing can be mounted here')
    path = join(folder, 'disk', 'a.wax')
    const large = encodeCbor(new CborTag(16, [new Uint8Array(400_000)]))
    const file = await ArchiveFile.open(path)
    const refused = async (): Promise<void> => {
      const outcomes = await Promise.allSettled([file.append(large), file.append(large)])
      expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    }
    try {
      for (let i = 0; i < 2; i++) await file.append(large)
      await refused()
      for (const item of ITEMS) await file.append(item)
      await refused()
      await file.close()
      const whole = Buffer.concat([large, large, ...ITEMS])
      expect(readFileSync(path).equals(whole)).toBe(true)
    } finally {
      disk.close()
    }
  })

  it('is gone on with, never begun anew', async () => {
    await write(ITEMS.slice(0, 1))
    await write(ITEMS.slice(1))
    expect(new Uint8Array(readFileSync(path))).toEqual(new Uint8Array(Buffer.concat(ITEMS)))
  })

  it('loses nothing but the item that a crash has torn', async () => {
    await write(ITEMS)
    const whole = readFileSync(path)
    for (let cut = 1; cut < (ITEMS[2]?.length ?? 0); cut += 7) {
      writeFileSync(path, whole.subarray(0, whole.length - cut))
      const file = await ArchiveFile.open(path)
      expect(file.cutBytes, `${cut} bytes short`).toBe((ITEMS[2]?.length ?? 0) - cut)
      await file.append(ITEMS[2] ?? new Uint8Array())
      await file.close()
      expect(readFileSync(path)).toEqual(whole)
    }
  })

  it('is left alone if it is no archive, or damaged in its midst', async () => {
    for (const text of ['a', 'this is a letter, not an archive', 'x', '{}', '\u00FF']) {
      writeFileSync(path, text)
      await expect(ArchiveFile.open(path), text).rejects.toMatchObject({ code: 'ERR_MALFORMED' })
      expect(readFileSync(path, 'utf8')).toBe(text)
    }
  })

  it('takes nothing that is not exactly one item', async () => {
    const file = await ArchiveFile.open(path)
    expect(() => file.append(Uint8Array.of(0x82, 1))).toThrow('archive item')
    expect(() => file.append(Buffer.concat(ITEMS))).toThrow('trailing bytes')
    expect(() => file.append(encodeCbor('21.5'))).toThrow('tag')
    await file.close()
    expect(statSync(path).size).toBe(0)
    appendFileSync(path, '')
  })
})
