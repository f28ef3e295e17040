// SPDX-License-Identifier: Apache-2.0
/**
 * Fails where the sources break the architecture: an import that does not point strictly down the
 * layers, past a package's `exports` or to something undeclared; a cycle of files or folders; and
 * in the portable packages anything of Node, or of the platform's clock and randomness.
 *
 * TypeScript's project references do not see these: npm links every package to every other.
 *
 * @module
 */

import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import { ambientUses } from './ambient.ts'
import {
  CLOCK_FILE,
  LAYERS,
  NATIVE,
  NODE_ENTRIES,
  PORTABLE,
  PROVIDER_ENTRIES,
  type Layer,
} from './layers.ts'
import {
  findCycles,
  neighbours,
  reachable,
  readSources,
  relativeTarget,
  type Import,
  type SourceFile,
  type SourceGraph,
} from './source-graph.ts'
import { ROOT, readJson, readWorkspaces, type Manifest, type Workspace } from './workspaces.ts'

const SCOPE = '@waxwing/'

/** Every violation under the root, as `file:line: what is wrong`. */
export function checkLayers(root: string): string[] {
  const workspaces = readWorkspaces(root)
  const shared = readJson<Manifest>(join(root, 'package.json')).devDependencies ?? {}
  return workspaces.flatMap((workspace) => {
    const layer = LAYERS[workspace.name]
    if (layer === undefined) return [`${workspace.folder}: give it a layer in tools/layers.ts`]
    const graph = readSources(root, `${workspace.folder}/src`)
    return [
      ...checkImports(workspace, layer, graph, { workspaces, shared }),
      ...checkCycles(workspace, graph),
      ...checkPortable(workspace, graph),
      ...checkReferences(root, workspace),
    ]
  })
}

interface Surroundings {
  readonly workspaces: readonly Workspace[]
  /** The root's development dependencies, which private packages may use as well. */
  readonly shared: Readonly<Record<string, string>>
}

function checkImports(
  from: Workspace,
  layer: Layer,
  graph: SourceGraph,
  surroundings: Surroundings,
): string[] {
  const problems: string[] = []
  const isExternal = ({ specifier }: Import): boolean => !isBuiltin(specifier)
  for (const file of graph.values()) {
    for (const { specifier, line } of file.imports.filter(isExternal)) {
      const problem = specifier.startsWith('.')
        ? relativeProblem(from, file, specifier)
        : packageProblem(from, layer, specifier, surroundings)
      if (problem !== undefined) problems.push(`${file.path}:${line}: ${problem}`)
    }
  }
  return problems
}

function relativeProblem(from: Workspace, file: SourceFile, specifier: string): string | undefined {
  const target = relativeTarget(file.path, specifier)
  const isInside = target?.startsWith(`${from.folder}/src/`) === true
  return isInside ? undefined : `"${specifier}" leaves the sources of ${from.name}`
}

function packageProblem(
  from: Workspace,
  layer: Layer,
  specifier: string,
  { workspaces, shared }: Surroundings,
): string | undefined {
  const name = packageName(specifier)
  if (name === from.manifest.name) return `${from.name} imports itself by name`
  const { dependencies, optionalDependencies, peerDependencies } = from.manifest
  const borrowed = from.manifest.private === true ? shared : {}
  const declared = { ...borrowed, ...dependencies, ...optionalDependencies, ...peerDependencies }
  if (declared[name] === undefined) return `${name} is not among the dependencies of ${from.name}`
  if (!name.startsWith(SCOPE)) return undefined
  const target = workspaces.find(({ manifest }) => manifest.name === name)
  if (target === undefined) return `${name} is not in this repository`
  if (!isAllowed(layer, target.name)) return `${from.name} must not import ${target.name}`
  const entry = specifier.replace(name, '.')
  return entry in (target.manifest.exports ?? {})
    ? undefined
    : `${target.name} does not export "${entry}"`
}

function isAllowed({ level, mayImport }: Layer, target: string): boolean {
  const isBelow = (LAYERS[target]?.level ?? Infinity) < level
  return isBelow && (mayImport === 'all below' || mayImport.includes(target))
}

function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

function checkCycles({ folder }: Workspace, graph: SourceGraph): string[] {
  const part = (path: string): string => path.slice(`${folder}/src/`.length).split('/')[0] ?? ''
  const byPart = Map.groupBy(graph.keys(), part)
  const nextParts = (name: string): string[] =>
    (byPart.get(name) ?? [])
      .flatMap((path) => neighbours(graph, path).map(part))
      .filter((target) => target !== name)
  return [
    ...findCycles(graph.keys(), (path) => neighbours(graph, path)),
    ...findCycles(byPart.keys(), nextParts),
  ].map((cycle) => `${folder}: import cycle: ${cycle}`)
}

function checkPortable(workspace: Workspace, graph: SourceGraph): string[] {
  if (!PORTABLE.has(workspace.name)) return []
  const problems: string[] = []
  for (const path of reachable(graph, entryFiles(workspace, NODE_ENTRIES))) {
    for (const { specifier, line } of graph.get(path)?.imports ?? []) {
      if (!isBuiltin(specifier) && !NATIVE.has(packageName(specifier))) continue
      problems.push(`${path}:${line}: "${specifier}" runs on Node alone`)
    }
  }
  return workspace.name === 'core' ? [...problems, ...checkAmbient(workspace, graph)] : problems
}

function checkAmbient(workspace: Workspace, graph: SourceGraph): string[] {
  const paths = reachable(graph, entryFiles(workspace, PROVIDER_ENTRIES))
  return [...paths]
    .filter((path) => path !== CLOCK_FILE)
    .flatMap((path) => {
      const file = graph.get(path)
      return file === undefined ? [] : ambientUses(file.syntax).map((use) => ({ path, ...use }))
    })
    .map(({ path, line, name }) => `${path}:${line}: ${name}: take it as an argument`)
}

/** The sources of a package's entry points, except those named. */
function entryFiles({ folder, manifest }: Workspace, except: ReadonlySet<string>): string[] {
  return Object.keys(manifest.exports ?? {})
    .filter((entry) => !except.has(entry))
    .map((entry) => `${folder}/src/${entry === '.' ? 'index' : entry.slice(2)}.ts`)
}

/** `tsc -b` builds in the order of the references: they must say what the dependencies say. */
function checkReferences(root: string, { name, folder, manifest }: Workspace): string[] {
  const config = readJson<{ references?: { path: string }[] }>(join(root, folder, 'tsconfig.json'))
  const listed = readJson<{ references: { path: string }[] }>(join(root, 'tsconfig.packages.json'))
  const references = (config.references ?? []).map(({ path }) => path.replace('../', ''))
  const dependencies = Object.keys(manifest.dependencies ?? {})
    .filter((dependency) => dependency.startsWith(SCOPE))
    .map((dependency) => dependency.slice(SCOPE.length))
  const problems: string[] = []
  if (references.toSorted().join() !== dependencies.toSorted().join()) {
    const wanted = dependencies.join(', ')
    problems.push(`${folder}/tsconfig.json: references must be the dependencies: ${wanted}`)
  }
  if (!listed.references.some(({ path }) => path === folder)) {
    problems.push(`tsconfig.packages.json: ${name} is missing`)
  }
  return problems
}

if (import.meta.main) {
  const problems = checkLayers(ROOT)
  for (const problem of problems) console.error(problem)
  process.exitCode = problems.length === 0 ? 0 : 1
}
