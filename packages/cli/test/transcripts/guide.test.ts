// SPDX-License-Identifier: Apache-2.0
/**
 * The guide's tour of the command line, played from top to bottom against a real broker, in processes
 * of their own. The commands and what they print are taken from the guide itself.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, it } from 'vitest'
import { mosquittoAvailable, requireOrSkip, startMosquitto, type Mosquitto } from '@waxwing/testkit'
import { consoleBlocks } from './console-blocks.js'
import { BIN } from './running.js'
import { Play } from './terminal.js'

const ROOT = new URL('../../../../', import.meta.url)

const PAGES = ['docs/guide/02-command-line.md']

requireOrSkip('mosquitto', mosquittoAvailable())('the guide to the command line', () => {
  let broker: Mosquitto
  let folder: string

  beforeAll(async () => {
    broker = await startMosquitto()
    folder = mkdtempSync(join(tmpdir(), 'waxwing-guide-'))
    const script = `#!/bin/sh\nexec '${process.execPath}' '${BIN}' "$@"\n`
    writeFileSync(join(folder, 'waxwing'), script, { mode: 0o755 })
  })

  afterAll(async () => {
    await broker.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it.each(PAGES)('%s shows what happens', { timeout: 240_000 }, async (page) => {
    const blocks = consoleBlocks(readFileSync(new URL(page, ROOT), 'utf8'))
    expect(blocks.length).toBeGreaterThan(10)
    const env = {
      PATH: `${folder}:${process.env['PATH'] ?? ''}`,
      WAXWING_BROKER: broker.url,
      HOME: folder,
    }
    const play = new Play({ folder, env })
    try {
      for (const block of blocks) await play.play(block)
    } finally {
      await play.close()
    }
  })
})
