// SPDX-License-Identifier: Apache-2.0
/**
 * A page of the guide, played from top to bottom in a folder of its own, in which the built command is
 * called `waxwing`.
 *
 * @module
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { consoleBlocks, type Block } from './console-blocks.js'
import { BIN } from './running.js'
import { Play } from './terminal.js'

const ROOT = new URL('../../../../', import.meta.url)

export interface PageOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Changes the text before it is played: addresses, where the page has the usual ones. */
  readonly adapt?: (text: string) => string
}

/** Plays a page. @throws {Error} Where something else happens than it shows. @returns Its blocks. */
export async function playPage(
  page: string,
  { env = {}, adapt = (text) => text }: PageOptions = {},
): Promise<readonly Block[]> {
  const blocks = consoleBlocks(adapt(readFileSync(new URL(page, ROOT), 'utf8')))
  const folder = mkdtempSync(join(tmpdir(), 'waxwing-guide-'))
  const script = `#!/bin/sh\nexec '${process.execPath}' '${BIN}' "$@"\n`
  writeFileSync(join(folder, 'waxwing'), script, { mode: 0o755 })
  const path = `${folder}:${process.env['PATH'] ?? ''}`
  const play = new Play({ folder, env: { PATH: path, HOME: folder, ...env } })
  try {
    for (const block of blocks) await play.play(block)
  } finally {
    await play.close()
    rmSync(folder, { recursive: true, force: true })
  }
  return blocks
}
