// SPDX-License-Identifier: Apache-2.0
/**
 * Who imports whom, read from the syntax of the sources. Type-only imports count as well: an edge
 * is an edge to whoever audits it.
 *
 * @module
 */

import { readFileSync, readdirSync } from 'node:fs'
import { join, posix } from 'node:path'
import ts from 'typescript'

export interface Import {
  /** As written. */
  readonly specifier: string
  readonly line: number
}

export interface SourceFile {
  /** Relative to the root, with `/`. */
  readonly path: string
  readonly imports: readonly Import[]
  readonly syntax: ts.SourceFile
}

export type SourceGraph = ReadonlyMap<string, SourceFile>

/** Reads every TypeScript file under the folder (relative to the root) and below. */
export function readSources(root: string, folder: string): SourceGraph {
  const entries = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
  const files = entries
    .map((entry) => posix.join(folder, entry.replaceAll('\\', '/')))
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
    .toSorted()
  return new Map(files.map((path) => [path, readSource(root, path)]))
}

function readSource(root: string, path: string): SourceFile {
  const text = readFileSync(join(root, path), 'utf8')
  const syntax = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const imports = ts.preProcessFile(text).importedFiles.map(({ fileName, pos }) => ({
    specifier: fileName,
    line: syntax.getLineAndCharacterOfPosition(pos).line + 1,
  }))
  return { path, imports, syntax }
}

/** The file that a relative import means (`.js` is written where `.ts` is meant). */
export function relativeTarget(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  return posix.join(posix.dirname(from), specifier.replace(/\.js$/, '.ts'))
}

/** The files that a file imports by relative paths, as far as the graph holds them. */
export function neighbours(graph: SourceGraph, path: string): string[] {
  const imports = graph.get(path)?.imports ?? []
  return imports
    .map(({ specifier }) => relativeTarget(path, specifier))
    .filter((target): target is string => target !== undefined && graph.has(target))
}

/** Everything that can be reached from the entries by relative imports, the entries included. */
export function reachable(graph: SourceGraph, entries: readonly string[]): ReadonlySet<string> {
  const seen = new Set<string>()
  const waiting = entries.filter((entry) => graph.has(entry))
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (seen.has(path)) continue
    seen.add(path)
    waiting.push(...neighbours(graph, path))
  }
  return seen
}

/** The cycles of a directed graph, one for each edge that closes one, as `a -> b -> a`. */
export function findCycles(nodes: Iterable<string>, next: (node: string) => string[]): string[] {
  const done = new Set<string>()
  const trail: string[] = []
  const cycles: string[] = []
  const visit = (node: string): void => {
    const start = trail.indexOf(node)
    if (start >= 0) cycles.push([...trail.slice(start), node].join(' -> '))
    if (start >= 0 || done.has(node)) return
    trail.push(node)
    for (const neighbour of new Set(next(node))) visit(neighbour)
    trail.pop()
    done.add(node)
  }
  for (const node of nodes) visit(node)
  return cycles
}
