// SPDX-License-Identifier: Apache-2.0
/**
 * Chooses the tests of core that can run in a browser: those that reach nothing of Node, neither
 * themselves nor through what they import. So a test becomes one by what it needs, not by where it
 * lies; only `packages/core/test/browser/` is a promise.
 *
 * @module
 */

import { isBuiltin } from 'node:module'
import { ambientUses } from './ambient.ts'
import { NATIVE } from './layers.ts'
import { reachable, readSources, type SourceFile, type SourceGraph } from './source-graph.ts'

const CORE = 'packages/core'
const PROMISED = `${CORE}/test/browser/`
const NODE_NAMES: ReadonlySet<string> = new Set(['Buffer', 'process', 'setImmediate'])

export interface BrowserTests {
  /** Relative to the root. */
  readonly files: readonly string[]
  /** The libraries that they import, for the development server to prepare at once. */
  readonly libraries: readonly string[]
}

/** @throws {Error} If a test that promises to run in browsers needs Node. */
export function browserTests(root: string): BrowserTests {
  const graph = withOwnName(
    new Map([...readSources(root, `${CORE}/src`), ...readSources(root, `${CORE}/test`)]),
  )
  const files: string[] = []
  const libraries = new Set<string>()
  for (const path of graph.keys()) {
    if (!path.endsWith('.test.ts')) continue
    const needs = [...reachable(graph, [path])].flatMap((file) => graph.get(file) ?? [])
    const obstacle = needs.map(obstacleIn).find((found) => found !== undefined)
    if (obstacle === undefined) {
      files.push(path)
      for (const library of needs.flatMap(librariesOf)) libraries.add(library)
    } else if (path.startsWith(PROMISED)) throw new Error(`${path} needs Node: ${obstacle}`)
  }
  return { files, libraries: [...libraries].toSorted() }
}

/** Tests may call the package by its own name: the same graph, with these imports made relative. */
function withOwnName(graph: SourceGraph): SourceGraph {
  return new Map(
    [...graph].map(([path, file]) => {
      const up = '../'.repeat(path.split('/').length - 1)
      const imports = file.imports.map(({ specifier, line }) => {
        const match = /^@waxwing\/core(?:\/(.+))?$/.exec(specifier)
        if (match === null) return { specifier, line }
        return { specifier: `${up}${CORE}/src/${match[1] ?? 'index'}.js`, line }
      })
      return [path, { ...file, imports }]
    }),
  )
}

/** What in this file needs Node, if anything does. */
function obstacleIn({ path, imports, syntax }: SourceFile): string | undefined {
  const foreign = imports.find(
    ({ specifier }) =>
      isBuiltin(specifier) || NATIVE.has(specifier) || specifier.startsWith('@waxwing/'),
  )
  if (foreign !== undefined) return `${path}:${foreign.line}: "${foreign.specifier}"`
  const use = ambientUses(syntax).find(({ name }) => NODE_NAMES.has(name))
  return use === undefined ? undefined : `${path}:${use.line}: ${use.name}`
}

function librariesOf({ imports }: SourceFile): string[] {
  return imports
    .map(({ specifier }) => specifier)
    .filter((specifier) => !specifier.startsWith('.') && specifier !== 'vitest')
}
