// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memoryStore, openEndpoint, type Endpoint } from '@waxwing/client'
import type { Letter } from '@waxwing/email'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MailAnswers } from '../../src/mail/answers.js'
import { AskedList } from '../../src/mail/asked.js'
import { KeyAsking } from '../../src/mail/key-asking.js'
import { Output } from '../../src/output.js'

const HOUR = 3_600_000
const NOW = Date.UTC(2026, 10, 23)
const kidOf = (index: number): string => index.toString(16).padStart(16, '0')

describe('asking by mail', () => {
  let folder: string
  let endpoint: Endpoint
  let asked: AskedList
  let posted: Letter[]
  let told: string

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'waxwing-asking-'))
    endpoint = await openEndpoint({ store: memoryStore() })
    asked = new AskedList(join(folder, 'asked.json'))
    posted = []
    told = ''
  })

  afterEach(async () => {
    await endpoint.close()
    rmSync(folder, { recursive: true, force: true })
  })

  /** As a process of its own. */
  function asking(atOnce = false): KeyAsking {
    const sink = { write: (text: string | Uint8Array) => (told += String(text)) }
    const output = new Output({ json: false, quiet: false, stdout: sink, stderr: sink })
    const post = async (letter: Letter): Promise<void> => void posted.push(letter)
    const answers = new MailAnswers({ peersFor: () => ['plant@x'], post })
    return new KeyAsking({ endpoint, answers, asked, output, reason: undefined, atOnce })
  }

  const itemCount = (): number => posted.reduce((sum, { items = [] }) => sum + items.length, 0)
  const all = (): boolean => true

  it('is done once an hour, over restarts, or at once where that is wanted', async () => {
    asked.miss(kidOf(1), 5)
    await asking().ask(all, NOW)
    await asking().ask(all, NOW + HOUR / 2)
    expect(itemCount()).toBe(1)
    expect(told).toContain('asks again in 30m, or with --ask')
    await asking(true).ask(all, NOW + HOUR / 2)
    expect(itemCount()).toBe(2)
    await asking().ask(all, NOW + 2 * HOUR)
    expect(itemCount()).toBe(3)
  })

  it('is not done for what is there by now, which is forgotten after the hour', async () => {
    asked.miss(kidOf(1), 5)
    await asking().ask(() => false, NOW)
    expect(posted).toEqual([])
    await asking().ask(all, NOW)
    asking().forget(() => false, NOW + HOUR / 2)
    expect(asked.all).toHaveLength(1)
    asking().forget(() => false, NOW + 2 * HOUR)
    expect(asked.all).toEqual([])
  })

  it('goes in one mail for all, and in an hour for so many unknown kids only', async () => {
    for (let index = 0; index < 40; index++) asked.miss(kidOf(index), 5)
    await asking().ask(all, NOW)
    expect(posted).toHaveLength(1)
    expect(itemCount()).toBe(16)
    await asking().ask(all, NOW + HOUR / 2)
    expect(itemCount()).toBe(16)
    await asking(true).ask(all, NOW + HOUR / 2)
    expect(itemCount()).toBe(32) // the same ones again
    expect(asked.all.filter(({ askedAt }) => askedAt !== undefined)).toHaveLength(16)
  })

  it('goes on when the clock was set back', async () => {
    asked.miss(kidOf(1), 5)
    await asking().ask(all, NOW)
    await asking().ask(all, NOW - HOUR)
    expect(itemCount()).toBe(2)
  })
})
