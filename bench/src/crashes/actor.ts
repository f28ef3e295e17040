// SPDX-License-Identifier: Apache-2.0
/**
 * One side of the play: its process, which is killed and begun again, its disk, its clock and its log.
 *
 * @module
 */

import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { mountSmallDisk, tearJournal, type SmallDisk, type Tear } from '@waxwing/testkit'
import { Worker } from '../worker.ts'
import { parseLog, type LogEntry } from './life-log.ts'
import type { LifeSetup } from './life.ts'
import type { Side } from './plan.ts'

const DISK_MIB = 64
const BUSY_MS = 100
const SQLITE_BUSY = 5

export class Actor {
  readonly side: Side
  /** All that its processes wrote down so far. */
  readonly entries: LogEntry[] = []
  /** What none of its processes may do: to end by themselves, for example. */
  readonly problems: string[] = []
  readonly #script: URL
  readonly #storePath: string
  readonly #storeKey: Uint8Array = crypto.getRandomValues(new Uint8Array(32))
  readonly #logPath: string
  readonly #disk: SmallDisk | undefined
  #worker: Worker | undefined
  #ended: Promise<void> = Promise.resolve()
  #offsetMs = 0
  #isFull = false
  /** How much of the log was read, and the beginning of its next line. */
  #readBytes = 0
  #rest = ''
  #tearCount = 0

  /** @param folder - Where its disk and its log are made. */
  constructor(side: Side, script: URL, folder: string) {
    this.side = side
    this.#script = script
    const diskFolder = join(folder, side)
    mkdirSync(diskFolder)
    this.#disk = mountSmallDisk(diskFolder, DISK_MIB)
    this.#storePath = join(diskFolder, 'store.db')
    this.#logPath = join(folder, `${side}.log`)
  }

  /** Whether its disk itself can be filled; else its store is limited. */
  get hasDisk(): boolean {
    return this.#disk !== undefined
  }

  get storePath(): string {
    return this.#storePath
  }

  get storeKey(): Uint8Array {
    return this.#storeKey
  }

  get isAlive(): boolean {
    return this.#worker !== undefined
  }

  get isFull(): boolean {
    return this.#isFull
  }

  /** How many journals were torn that had something to lose. */
  get tearCount(): number {
    return this.#tearCount
  }

  /** Begins a life. */
  begin(
    setup: Omit<LifeSetup, 'storePath' | 'storeKey' | 'logPath' | 'offsetMs' | 'isFull'>,
  ): void {
    const worker = new Worker(this.#script)
    const whole: LifeSetup = {
      ...setup,
      storePath: this.#storePath,
      storeKey: this.#storeKey,
      logPath: this.#logPath,
      offsetMs: this.#offsetMs,
      isFull: this.#isFull && !this.hasDisk,
    }
    this.#worker = worker
    this.#ended = worker.call('run', whole).then(
      () => void this.problems.push(`the ${this.side} stopped`),
      (error: unknown) => {
        // Whatever is not the kill: it must go on, whatever it meets.
        if (this.#worker === worker) this.problems.push(`the ${this.side}: ${String(error)}`)
      },
    )
  }

  async kill(): Promise<void> {
    const worker = this.#worker
    this.#worker = undefined
    await worker?.kill()
    await this.#ended
  }

  /** Tells its process something, if there is one that listens. */
  async tell(command: string, ...values: readonly unknown[]): Promise<void> {
    await this.#worker?.call(command, ...values).catch(() => undefined)
  }

  async jump(offsetMs: number): Promise<void> {
    this.#offsetMs = offsetMs
    await this.tell('jump', offsetMs)
  }

  async setFull(isFull: boolean): Promise<void> {
    if (isFull === this.#isFull) return
    this.#isFull = isFull
    if (this.#disk === undefined) return this.tell('setFull', isFull)
    if (!isFull) return this.#disk.free()
    this.#shortenJournal()
    this.#disk.fill()
  }

  /** Leaves in the journal what a power cut may leave. Not while it lives. */
  tear(tear: Tear, random: () => number): void {
    this.#disk?.free() // what is torn may have been longer
    if (tearJournal(this.#storePath, tear, random) > 0) this.#tearCount++
    if (this.#isFull) this.#disk?.fill()
  }

  /** Reads what was written down since the last time. */
  readLog(): void {
    this.entries.push(...parseLog(this.#readWholeLines()))
  }

  async close(): Promise<void> {
    await this.kill()
    this.#disk?.close()
  }

  /** What a journal had grown to would be room for many more writes. */
  #shortenJournal(): void {
    const db = new DatabaseSync(this.#storePath, { timeout: BUSY_MS })
    try {
      db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    } catch (error) {
      if (!isBusy(error)) throw error // else its process is just opening it
    } finally {
      db.close()
    }
  }

  /** A kill may cut a line; the next life begins behind it, and what was cut is left out. */
  #readWholeLines(): string {
    if (!existsSync(this.#logPath)) return ''
    const file = openSync(this.#logPath, 'r')
    const added = new Uint8Array(fstatSync(file).size - this.#readBytes)
    readSync(file, added, 0, added.length, this.#readBytes)
    closeSync(file)
    this.#readBytes += added.length
    const text = this.#rest + Buffer.from(added).toString('utf8')
    const end = text.lastIndexOf('\n') + 1
    this.#rest = text.slice(end)
    return text.slice(0, end)
  }
}

function isBusy(error: unknown): boolean {
  return (
    error instanceof Error && 'errcode' in error && (Number(error.errcode) & 0xff) === SQLITE_BUSY
  )
}
