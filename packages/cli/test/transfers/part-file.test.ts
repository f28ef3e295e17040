// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { UsageError } from '../../src/exit-codes.js'
import { PartFile, type PiecePayload } from '../../src/transfers/part-file.js'

const facts = { key: 'k'.repeat(32), transfer: '00', stream: 'a/b', sentBy: 'plant' }

let folder: string
let path: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'waxwing-part-'))
  path = join(folder, 'f.part')
})

afterEach(() => rmSync(folder, { recursive: true }))

function pieces(content: Uint8Array, pieceBytes: number): readonly PiecePayload[] {
  const count = Math.max(1, Math.ceil(content.length / pieceBytes))
  return Array.from({ length: count }, (_, index) => ({
    index,
    last: index === count - 1,
    size: index === 0 ? content.length : undefined,
    payload: content.subarray(index * pieceBytes, (index + 1) * pieceBytes),
  }))
}

function contentOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 0xff)
}

describe('a file that comes in pieces', () => {
  it('is the content, in whatever order they come, over crashes after and before they were safe', async () => {
    const content = contentOf(1000)
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 1001 }),
        fc.infiniteStream(fc.integer({ min: 0, max: 99 })),
        async (pieceBytes, dice) => {
          rmSync(folder, { recursive: true })
          folder = mkdtempSync(join(tmpdir(), 'waxwing-part-'))
          path = join(folder, 'f.part')
          const roll = (): number => Number(dice.next().value)
          const waiting = [...pieces(content, Math.max(pieceBytes, 20))]
          let unsafe: PiecePayload[] = []
          let part = PartFile.begin(path, facts)
          while (waiting.length > 0 || unsafe.length > 0) {
            const [piece] = waiting.splice(roll() % Math.max(1, waiting.length), 1)
            if (piece !== undefined) {
              expect(['new', 'duplicate']).toContain(await part.add(piece))
              unsafe.push(piece)
            }
            const chance = roll()
            if (chance < 30 || waiting.length === 0) {
              await part.flush()
              unsafe = []
            } else if (chance < 50) {
              await part.release()
              part = PartFile.resume(`${path}.json`)
              waiting.push(...unsafe.splice(0)) // nobody acknowledged them
            }
          }
          expect(part.isComplete).toBe(true)
          const file = await part.finish(join(folder, 'f'), false)
          expect(readFileSync(file)).toEqual(Buffer.from(content))
          expect(part.record.sha256).toBe(createHash('sha256').update(content).digest('hex'))
        },
      ),
      { numRuns: 50 },
    )
  })

  it('takes no piece that contradicts others, by length, end or content', async () => {
    const [zero, one, two] = pieces(contentOf(30), 10)
    const part = PartFile.begin(path, facts)
    if (zero === undefined || one === undefined || two === undefined) throw new Error('no pieces')
    expect(await part.add(zero)).toBe('new')
    expect(await part.add(zero)).toBe('duplicate')
    expect(await part.add({ ...zero, payload: new Uint8Array(10) })).toBe('content')
    expect(await part.add({ ...one, payload: new Uint8Array(9) })).toBe('length')
    expect(await part.add({ ...one, last: true })).toBe('size')
    expect(await part.add(two)).toBe('new')
    expect(await part.add({ ...two, index: 3 })).toBe('end')
    expect(await part.add(one)).toBe('new')
    await part.flush()
    expect(readFileSync(path)).toEqual(Buffer.from(contentOf(30)))
  })

  it('that is empty is one empty file', async () => {
    const part = PartFile.begin(path, facts)
    for (const piece of pieces(new Uint8Array(0), 10)) await part.add(piece)
    expect(part.isComplete).toBe(true)
    expect(readFileSync(await part.finish(join(folder, 'f'), false))).toHaveLength(0)
  })

  it('gets its name once, whenever the process ends meanwhile', async () => {
    const part = PartFile.begin(path, facts)
    for (const piece of pieces(contentOf(30), 10)) await part.add(piece)
    writeFileSync(join(folder, 'f'), 'old')
    const file = await part.finish(join(folder, 'f'), false)
    expect(file).toBe(join(folder, 'f (1)'))
    // It ended before the record was removed.
    const again = PartFile.resume(`${path}.json`)
    expect(await again.finish(join(folder, 'f'), false)).toBe(file)
    again.forget()
    expect(existsSync(`${path}.json`)).toBe(false)
    expect(existsSync(join(folder, 'f (2)'))).toBe(false)
    expect(readFileSync(join(folder, 'f'), 'utf8')).toBe('old')
  })

  it('takes the place of another only where that is wanted', async () => {
    const part = PartFile.begin(path, facts)
    for (const piece of pieces(contentOf(3), 10)) await part.add(piece)
    writeFileSync(join(folder, 'f'), 'old')
    expect(await part.finish(join(folder, 'f'), true)).toBe(join(folder, 'f'))
    expect(readFileSync(join(folder, 'f'))).toHaveLength(3)
  })

  it('is not begun where a file lies that nothing is known of, nor written through a link', async () => {
    writeFileSync(path, 'mine')
    expect(() => PartFile.begin(path, facts)).toThrow(UsageError)
    rmSync(path)
    const part = PartFile.begin(path, facts)
    writeFileSync(join(folder, 'target'), 'mine')
    symlinkSync(join(folder, 'target'), path)
    const [piece] = pieces(contentOf(3), 10)
    if (piece === undefined) throw new Error('no piece')
    await expect(part.add(piece)).rejects.toThrow('ELOOP')
    expect(readFileSync(join(folder, 'target'), 'utf8')).toBe('mine')
  })

  it('says what to do where its record is damaged, or the part is gone', async () => {
    const part = PartFile.begin(path, facts)
    const [piece] = pieces(contentOf(30), 10)
    if (piece !== undefined) await part.add(piece)
    await part.flush()
    rmSync(path)
    expect(() => PartFile.resume(`${path}.json`)).toThrow(/is gone: remove .*f.part.json/)
    const record = readFileSync(`${path}.json`, 'utf8')
    writeFileSync(path, '')
    for (const text of [
      '',
      '{}',
      'null',
      record.slice(0, -5),
      record.replace('"progress":"', '"progress":"AA'),
    ]) {
      writeFileSync(`${path}.json`, text)
      expect(() => PartFile.resume(`${path}.json`), text).toThrow(/is damaged: remove it/)
    }
    const target = JSON.stringify({ ...JSON.parse(record), target: '../x' })
    writeFileSync(`${path}.json`, target)
    expect(() => PartFile.resume(`${path}.json`)).toThrow(UsageError)
  })
})
