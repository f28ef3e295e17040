// SPDX-License-Identifier: Apache-2.0
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { inboxAddress } from '@waxwing/core'
import { archiveSource, archiveTarget, ArchiveFile, bridge, type Bridge } from '../src/index.js'
import { controlOf, objectOf, TEXT } from './support/frames.js'
import { addressesAt, numbersAt, stage } from './support/stage.js'

const PLANT = [{ from: 'plant/#', to: 'plant/#' }]

describe('archives as sides of a bridge', () => {
  let folder: string
  let path: string

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'waxwing-bridge-'))
    path = join(folder, 'a.wax')
  })

  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  async function opened(): Promise<ArchiveFile> {
    const file = await ArchiveFile.open(path)
    onTestFinished(() => file.close())
    return file
  }

  async function pour(address: string, to: Parameters<typeof bridge>[0]['to']): Promise<Bridge> {
    const from = archiveSource(path, address)
    const running = await bridge({ from, to, maps: [{ from: address, to: address }] })
    onTestFinished(() => running.close())
    await from.finished
    return running
  }

  it('take data and control messages, on disk before they are acknowledged', async () => {
    const { toNear, device } = stage()
    const file = await opened()
    const running = await bridge({ from: toNear, to: archiveTarget(file), maps: PLANT })
    onTestFinished(() => running.close())
    await device.send('plant/1', objectOf(1))
    await device.send('plant/2', TEXT)
    await device.send(inboxAddress(new Uint8Array(32)), controlOf(1))
    await expect.poll(() => running.counters.there.control.messages).toBe(1)
    await expect.poll(() => running.counters.there.data.messages).toBe(1)
    const held = Buffer.from(readFileSync(path)).toString('hex')
    const both = [objectOf(1), controlOf(1)].map((item) => Buffer.from(item).toString('hex'))
    expect([both.join(''), both.toReversed().join('')]).toContain(held)
  })

  it('acknowledge nothing that is not on disk', async () => {
    const { near, toNear, device } = stage()
    const file = await opened()
    file.append = () => Promise.reject(new Error('ENOSPC'))
    const options = { from: toNear, to: archiveTarget(file), maps: PLANT, closeTimeoutMs: 0 }
    const running = await bridge(options)
    await device.send('plant/1', objectOf(1))
    await expect.poll(() => running.counters.there.data.retries).toBeGreaterThan(0)
    await running.close({ keepSubscriptions: true })
    await toNear.close()
    await near.idle()
    expect(readFileSync(path)).toHaveLength(0)
  })

  it('are poured out to the address that is given, in order', async () => {
    const { far, toFar } = stage()
    writeFileSync(path, Buffer.concat(Array.from({ length: 300 }, (_, i) => objectOf(i))))
    const { counters } = await pour('x/y', toFar)
    expect(numbersAt(far)).toEqual(Array.from({ length: 300 }, (_, i) => i))
    expect(new Set(addressesAt(far))).toEqual(new Set(['x/y']))
    expect(counters.there.data).toMatchObject({ messages: 300, waiting: 0, inFlight: 0 })
  })

  it('keep their control messages', async () => {
    const { far, toFar } = stage()
    writeFileSync(path, Buffer.concat([controlOf(1), objectOf(2), controlOf(3)]))
    const from = archiveSource(path, 'x/y')
    const running = await bridge({ from, to: toFar, maps: [{ from: 'x/y', to: 'z' }] })
    onTestFinished(() => running.close())
    expect(await from.finished).toEqual({ items: 1, control: 2 })
    expect(addressesAt(far)).toEqual(['z'])
  })

  it('are poured out up to where they are damaged, which is told', async () => {
    const { far, toFar } = stage()
    writeFileSync(path, objectOf(1))
    appendFileSync(path, Uint8Array.of(0xff))
    await expect(pour('x/y', toFar)).rejects.toMatchObject({
      code: 'ERR_MALFORMED',
      details: { offset: objectOf(1).length },
    })
    await expect.poll(() => numbersAt(far)).toEqual([1])
  })

  it('that are not there are told as such', async () => {
    const { toFar } = stage()
    await expect(pour('x/y', toFar)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('are copied from one to another', async () => {
    writeFileSync(path, Buffer.concat([objectOf(1), objectOf(2)]))
    const copy = await ArchiveFile.open(join(folder, 'b.wax'))
    await pour('x/y', archiveTarget(copy))
    await copy.close()
    expect(readFileSync(join(folder, 'b.wax'))).toEqual(readFileSync(path))
  })
})
