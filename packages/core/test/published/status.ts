// SPDX-License-Identifier: Apache-2.0
/**
 * The table "Published vectors" of docs/status.md: what it says, and what it should say.
 *
 * @module
 */

import { readFileSync } from 'node:fs'
import { casesOf, sources } from './catalogue.js'
import { LATER } from './out-of-scope.js'
import { outcomeOf } from './runner.js'

const STATUS = new URL('../../../../docs/status.md', import.meta.url)

/** The page, as it is. */
export function readStatus(): string {
  return readFileSync(STATUS, 'utf8')
}

/** The rows as they should be, of what has run: source, four counts, and how many passed where. */
export function statusRows(): readonly string[] {
  const rows = [...sources().keys()].map((source) => {
    const { passed, refused } = outcomeOf(source) ?? { passed: new Map(), refused: new Map() }
    const count = casesOf(source).size
    const idle = count - passed.size - refused.size
    return rowOf([`\`${source}\``, count, passed.size, refused.size, idle, tally(passed.values())])
  })
  const later = LATER.map(({ folder, reason }) => rowOf([`\`${folder}\``, '', '', '', '', reason]))
  return [...rows, ...later]
}

/** The rows as they are written, with single spaces. */
export function writtenRows(): readonly string[] {
  const section = /^## Published vectors$(.*?)^## /ms.exec(readStatus())?.[1] ?? ''
  const lines = section.split('\n').filter((line) => line.startsWith('| `'))
  return lines.map((line) => rowOf(line.split('|').slice(1, -1)))
}

function rowOf(cells: readonly (string | number)[]): string {
  return `| ${cells.map((cell) => String(cell).trim()).join(' | ')} |`
}

/** Where how many cases passed: `node 10, pure 8`. */
function tally(subjects: Iterable<readonly string[]>): string {
  const counts = new Map<string, number>()
  for (const name of [...subjects].flat()) counts.set(name, (counts.get(name) ?? 0) + 1)
  return [...counts].map(([name, count]) => `${name} ${count}`).join(', ')
}
