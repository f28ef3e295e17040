// SPDX-License-Identifier: Apache-2.0
/**
 * What keys are missing of what came by mail, and when they were asked for last, kept in the home: an
 * answer by mail takes hours, and whoever looks every five minutes must not ask as often.
 *
 * @module
 */

import { randomInt } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { saveFile } from '../transfers/saved-file.js'

/** Keys that are missing. */
export interface MissingKey {
  /** In hex. */
  readonly kid: string
  /** The earliest epoch that is wanted. */
  readonly epoch: number
  /** Milliseconds since 1970; absent where it could not be asked yet. */
  readonly askedAt?: number
}

const MAX_KEYS = 4096
const KID = /^[0-9a-f]{8,64}$/

export class AskedList {
  readonly #path: string
  readonly #keys = new Map<string, MissingKey>()

  /** @param path - The file. One that is damaged counts as empty: it is asked again. */
  constructor(path: string) {
    this.#path = path
    for (const key of readKeys(path)) this.#keys.set(key.kid, key)
  }

  get all(): readonly MissingKey[] {
    return [...this.#keys.values()]
  }

  /** Notes that keys are missing. On disk once this returns. */
  miss(kid: string, epoch: number): void {
    const known = this.#keys.get(kid)
    if (known !== undefined && known.epoch <= epoch) return
    if (known === undefined && this.#keys.size >= MAX_KEYS) this.#forgetOne()
    this.#keys.set(kid, { kid, epoch }) // what was asked before did not reach so far back
    this.#save()
  }

  /** Notes that they were asked for. On disk once this returns. */
  asked(kid: string, nowMs: number): void {
    const known = this.#keys.get(kid)
    if (known === undefined) return
    this.#keys.set(kid, { ...known, askedAt: nowMs })
    this.#save()
  }

  /** Forgets what is not missing any more. */
  keep(isMissing: (key: MissingKey) => boolean): void {
    const gone = this.all.filter((key) => !isMissing(key))
    if (gone.length === 0) return
    for (const { kid } of gone) this.#keys.delete(kid)
    this.#save()
  }

  /** Whoever makes up kids does not choose which one goes. */
  #forgetOne(): void {
    const kids = [...this.#keys.keys()]
    this.#keys.delete(kids[randomInt(kids.length)] ?? '')
  }

  #save(): void {
    saveFile(this.#path, `${JSON.stringify(this.all)}\n`)
  }
}

function readKeys(path: string): readonly MissingKey[] {
  if (!existsSync(path)) return []
  try {
    const read: unknown = JSON.parse(readFileSync(path, 'utf8'))
    return Array.isArray(read) ? read.filter((key) => isMissingKey(key)) : []
  } catch {
    return []
  }
}

function isMissingKey(value: unknown): value is MissingKey {
  if (typeof value !== 'object' || value === null) return false
  const { kid, epoch, askedAt } = value as Partial<Record<keyof MissingKey, unknown>>
  return (
    typeof kid === 'string' &&
    KID.test(kid) &&
    Number.isSafeInteger(epoch) &&
    (askedAt === undefined || typeof askedAt === 'number')
  )
}
