// SPDX-License-Identifier: Apache-2.0
/**
 * The packages of this repository, as their `package.json` files describe them.
 *
 * @module
 */

import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository's root folder. */
export const ROOT: string = fileURLToPath(new URL('..', import.meta.url))

export interface Manifest {
  readonly name: string
  readonly private?: boolean
  readonly exports?: Readonly<Record<string, unknown>>
  readonly bin?: Readonly<Record<string, string>>
  readonly scripts?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

export interface Workspace {
  /** The folder's name under `packages`, which is the package's name without its scope. */
  readonly name: string
  /** Relative to the root, with `/`. */
  readonly folder: string
  readonly manifest: Manifest
}

/** Reads a JSON file. The caller says what it holds. */
export function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, 'utf8')) as T
}

/** All packages under `packages`, in alphabetical order. */
export function readWorkspaces(root: string = ROOT): Workspace[] {
  return readdirSync(join(root, 'packages'))
    .toSorted()
    .map((name) => ({ name, folder: `packages/${name}` }))
    .filter(({ folder }) => existsSync(join(root, folder, 'package.json')))
    .map(({ name, folder }) => {
      const manifest = readJson<Manifest>(join(root, folder, 'package.json'))
      return { name, folder, manifest }
    })
}
