// SPDX-License-Identifier: Apache-2.0
/**
 * Takes from a page of Markdown what a machine can check: fenced code, links and npm commands.
 *
 * @module
 */

export interface Fence {
  /** The words after the opening backticks: the language, then what is said about the block. */
  readonly words: readonly string[]
  /** The number of the first line of code, counted from 1. */
  readonly line: number
  readonly code: readonly string[]
}

const FENCE = /^\s*(`{3,})\s*([^`]*)$/

/** All fenced blocks, also those inside HTML comments, which readers do not see. */
export function fences(page: string): Fence[] {
  const found: Fence[] = []
  let open: { ticks: string; words: string[]; line: number; code: string[] } | undefined
  for (const [index, text] of page.split('\n').entries()) {
    const [, ticks = '', words = ''] = FENCE.exec(text) ?? []
    if (open === undefined) {
      if (ticks === '') continue
      open = { ticks, words: words.split(/\s+/).filter(Boolean), line: index + 2, code: [] }
    } else if (ticks.length >= open.ticks.length && words.trim() === '') {
      found.push(open)
      open = undefined
    } else open.code.push(text)
  }
  return open === undefined ? found : [...found, open]
}

/** The page without its code, with as many lines: what remains is prose. */
export function prose(page: string): string {
  const lines = page.split('\n')
  for (const { line, code } of fences(page)) lines.fill('', line - 1, line - 1 + code.length)
  return lines.join('\n').replaceAll(/`[^`\n]*`/g, '')
}

/** The targets of links to files of this repository, without their anchors. */
export function fileLinks(page: string): string[] {
  return [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target.split('#')[0] ?? '')
    .filter((target) => target !== '' && !/^[a-z]+:/.test(target))
}

/** The names of the npm scripts that the page tells its reader to run. */
export function npmScripts(page: string): string[] {
  const commands = page.matchAll(/\bnpm (?:run (?:-\S+ )*([a-z][\w:-]*)|(test|start)\b)/g)
  return [...commands].map(([, run, short]) => run ?? short ?? '')
}
