// SPDX-License-Identifier: Apache-2.0
/**
 * Makes modules of the TypeScript on a page. Words after the language say how blocks belong
 * together:
 *
 * - `ts`: a module of its own;
 * - `ts continued`: goes on where the block before it ended;
 * - `ts setup`: stands before every later module of the page; put it into an HTML comment when the
 *   reader need not see it;
 * - `ts run`, `ts continued run`: is run as well, to the end of that block.
 *
 * Each line keeps its number on the page, so that a complaint of the compiler points there.
 *
 * @module
 */

import { fences } from './markdown.ts'

export interface DocModule {
  /** Relative to the root. */
  readonly page: string
  /** The line of the first block, counted from 1. */
  readonly line: number
  readonly run: boolean
  readonly text: string
}

const KNOWN_WORDS: ReadonlySet<string> = new Set(['setup', 'continued', 'run'])
const SAME_LANGUAGE: ReadonlySet<string> = new Set(['typescript', 'mts', 'js', 'javascript', 'mjs'])

interface Draft {
  line: number
  run: boolean
  lines: string[]
}

/** @returns The page's modules, and what is wrong with its blocks, as `page:line: what`. */
export function docModules(
  page: string,
  text: string,
): { modules: readonly DocModule[]; problems: readonly string[] } {
  const setup: string[] = []
  const drafts: Draft[] = []
  const problems: string[] = []
  for (const { words, line, code } of fences(text)) {
    const [language = '', ...flags] = words
    const problem = blockProblem(language, flags, drafts.length)
    if (problem !== undefined) problems.push(`${page}:${line - 1}: ${problem}`)
    if (problem !== undefined || language !== 'ts') continue
    if (flags.includes('setup')) {
      place(setup, line, code)
      continue
    }
    const last = drafts.at(-1)
    const isContinued = flags.includes('continued') && last !== undefined
    const draft = isContinued ? last : { line, run: false, lines: [...setup] }
    place(draft.lines, line, code)
    draft.run ||= flags.includes('run')
    if (!isContinued) drafts.push(draft)
  }
  const modules = drafts.map(({ lines, ...draft }) => ({
    page,
    ...draft,
    text: `${lines.join('\n')}\nexport {}\n`,
  }))
  return { modules, problems }
}

function blockProblem(
  language: string,
  flags: readonly string[],
  draftCount: number,
): string | undefined {
  if (SAME_LANGUAGE.has(language)) return 'mark it as ts, so that it is checked'
  if (language !== 'ts') return undefined
  const strange = flags.find((flag) => !KNOWN_WORDS.has(flag))
  if (strange !== undefined) return `"${strange}" says nothing about a block; every one is checked`
  if (flags.includes('continued') && draftCount === 0) return 'nothing to continue'
  return undefined
}

function place(lines: string[], line: number, code: readonly string[]): void {
  while (lines.length < line - 1) lines.push('')
  lines.push(...code)
}
