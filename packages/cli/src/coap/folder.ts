// SPDX-License-Identifier: Apache-2.0
/**
 * The files of a folder as resources.
 *
 * Invariant: nothing outside the folder is read or written, whatever a path or a symbolic link says; files
 * and folders whose names begin with a dot are not there.
 *
 * @module
 */

import { createHash, randomBytes } from 'node:crypto'
import { type FSWatcher, type Stats, watch } from 'node:fs'
import { mkdir, readdir, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative, sep } from 'node:path'
import {
  Changes,
  formatPath,
  type Handler,
  type Link,
  OPTION,
  pathOf,
  type Request,
  type Resource,
  type ResourceRequest,
  type ResourceResponse,
  resources,
  RESPONSE,
  textOption,
} from '@waxwing/coap'
import { contentFormatOfFile } from '../inspect/content-formats.js'

/** Larger files are answered with 5.00: a body is in memory as a whole. */
const MAX_FILE_BYTES: number = 16 * 1024 * 1024
const MAX_LINKS = 1000
const MAX_WATCHED = 1000
const MAX_DEPTH = 8
const SETTLE_MS = 50
const WELL_KNOWN_CORE = '/.well-known/core'

export interface FolderOptions {
  readonly isWritable: boolean
  /** Told what a file could not be read or written for. */
  readonly onError: (error: unknown) => void
}

export class Folder {
  readonly #root: string
  readonly #options: FolderOptions
  readonly #changes = new Map<string, Changes>()
  readonly #watcher: FSWatcher
  readonly #settling = new Map<string, NodeJS.Timeout>()

  private constructor(root: string, options: FolderOptions) {
    this.#root = root
    this.#options = options
    this.#watcher = watch(root, { recursive: true }, (_, name) => this.#touched(name))
    this.#watcher.on('error', options.onError)
  }

  static async open(path: string, options: FolderOptions): Promise<Folder> {
    const root = await realpath(path)
    await readdir(root) // says whether it is one
    return new Folder(root, options)
  }

  /** Answers requests. */
  readonly handler: Handler = async (request) => {
    const path = segmentsOf(request)
    const onError = this.#options.onError
    if (path !== undefined && (path.length === 0 || formatPath(path) === WELL_KNOWN_CORE)) {
      const links = await this.#links()
      const index: Resource = { get: () => resourceOf(links) }
      const table = path.length === 0 ? { '': index } : {}
      return resources(table, { links, onError })(request)
    }
    const file = path === undefined ? undefined : await this.#locate(path)
    // What is wrong with the request is said as it is for any other resource.
    if (file === undefined) return resources({}, { onError })(request)
    return resources({ '*': this.#resource(file) }, { onError })(request)
  }

  close(): void {
    this.#watcher.close()
    for (const timer of this.#settling.values()) clearTimeout(timer)
    this.#settling.clear()
  }

  #resource(file: string): Resource {
    const read: Resource = {
      get: () => readResource(file),
      changes: this.#changesOf(file),
    }
    if (!this.#options.isWritable) return read
    return {
      ...read,
      put: (request) => writeResource(file, request),
      post: (request) => this.#add(file, request),
      delete: () => deleteResource(file),
    }
  }

  /** A new file in a folder, under a name that nobody has. */
  async #add(folder: string, request: ResourceRequest): Promise<ResourceResponse> {
    if ((await statOf(folder))?.isDirectory() !== true) return { code: RESPONSE.methodNotAllowed }
    const file = join(folder, randomBytes(6).toString('hex'))
    await writeWhole(file, request.payload)
    const location = relative(this.#root, file).split(sep)
    return {
      code: RESPONSE.created,
      options: location.map((segment) => textOption(OPTION.locationPath, segment)),
    }
  }

  /** Where a path leads; `undefined` for one that nothing may be at. */
  async #locate(path: readonly string[]): Promise<string | undefined> {
    const isName = (segment: string): boolean => /^[^./\\\0][^/\\\0]*$/.test(segment)
    if (!path.every(isName)) return undefined
    const file = join(this.#root, ...path)
    const real = await realPathOf(file)
    return real === this.#root || real.startsWith(this.#root + sep) ? file : undefined
  }

  #changesOf(file: string): Changes {
    const known = this.#changes.get(file)
    if (known !== undefined) return known
    for (const [key, { observerCount }] of this.#changes) {
      if (this.#changes.size < MAX_WATCHED) break
      if (observerCount === 0) this.#changes.delete(key) // the oldest: nobody is about to observe it
    }
    const changes = new Changes()
    this.#changes.set(file, changes)
    return changes
  }

  /** Editors write a file in several steps: what they leave is told once. */
  #touched(name: string | null): void {
    const files = name === null ? [...this.#changes.keys()] : [join(this.#root, name)]
    for (const file of files) {
      if (!this.#changes.has(file)) continue
      clearTimeout(this.#settling.get(file))
      const settled = (): void => {
        this.#settling.delete(file)
        this.#changes.get(file)?.changed()
      }
      this.#settling.set(file, setTimeout(settled, SETTLE_MS))
    }
  }

  async #links(): Promise<readonly Link[]> {
    const links: Link[] = []
    const visit = async (folder: string, depth: number): Promise<void> => {
      const entries = await readdir(folder, { withFileTypes: true })
      for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
        if (links.length >= MAX_LINKS || entry.name.startsWith('.')) continue
        const path = join(folder, entry.name)
        if (entry.isDirectory() && depth < MAX_DEPTH) await visit(path, depth + 1)
        else if (entry.isFile()) links.push(this.#link(path))
      }
    }
    await visit(this.#root, 1)
    return links
  }

  #link(file: string): Link {
    const href = formatPath(relative(this.#root, file).split(sep))
    return { href, attributes: { ct: String(contentFormatOfFile(file)), obs: true } }
  }
}

function resourceOf(links: readonly Link[]): ResourceResponse {
  const text = links.map(({ href }) => href).join('\n')
  return { payload: `${text}\n` }
}

/** `undefined` where the options make no path: the router says so. */
function segmentsOf(request: Request): readonly string[] | undefined {
  try {
    return pathOf(request)
  } catch {
    return undefined
  }
}

async function readResource(file: string): Promise<ResourceResponse> {
  const found = await statOf(file)
  if (found?.isFile() !== true) return { code: RESPONSE.notFound }
  if (found.size > MAX_FILE_BYTES) throw new RangeError(`${file} is larger than 16 MiB`)
  const payload = new Uint8Array(await readFile(file))
  const etag = createHash('sha256').update(payload).digest().subarray(0, 8)
  return { payload, contentFormat: contentFormatOfFile(file), etag: new Uint8Array(etag) }
}

async function writeResource(file: string, request: ResourceRequest): Promise<ResourceResponse> {
  const found = await statOf(file)
  if (found?.isDirectory() === true) return { code: RESPONSE.methodNotAllowed }
  await mkdir(dirname(file), { recursive: true })
  await writeWhole(file, request.payload)
  return { code: found === undefined ? RESPONSE.created : RESPONSE.changed }
}

async function deleteResource(file: string): Promise<ResourceResponse> {
  const found = await statOf(file)
  if (found?.isFile() !== true) return { code: RESPONSE.notFound }
  await rm(file)
  return { code: RESPONSE.deleted }
}

/** Whole or not at all: nobody reads half a file. */
async function writeWhole(file: string, bytes: Uint8Array): Promise<void> {
  const draft = join(dirname(file), `.${basename(file)}.${randomBytes(4).toString('hex')}`)
  try {
    await writeFile(draft, bytes, { flag: 'wx' })
    await rename(draft, file)
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
}

async function statOf(file: string): Promise<Stats | undefined> {
  try {
    return await stat(file)
  } catch {
    return undefined
  }
}

/** Of a file that is not there, where the nearest folder above leads. */
async function realPathOf(file: string): Promise<string> {
  try {
    return await realpath(file)
  } catch {
    const above = dirname(file)
    return above === file ? file : join(await realPathOf(above), basename(file))
  }
}
