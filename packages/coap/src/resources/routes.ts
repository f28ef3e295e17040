// SPDX-License-Identifier: Apache-2.0
/**
 * Finds the resource of a path.
 *
 * @module
 */

import type { Resource } from './resource.js'

/** A resource with how many segments of a path lead to it. */
export interface Route {
  readonly resource: Resource
  readonly depth: number
}

/** Exact paths, and those that end in an asterisk for whatever is below. */
export class Routes {
  readonly #exact = new Map<string, Route>()
  readonly #below = new Map<string, Route>()
  #maxDepth = 0

  /**
   * @throws {TypeError} If a path begins or ends with a slash, an asterisk is not its last segment, or a
   *   resource is none.
   */
  constructor(table: Readonly<Record<string, Resource>>) {
    for (const [path, resource] of Object.entries(table)) this.#add(path, resource)
  }

  /** The exact route, or the one with the longest path above. */
  find(path: readonly string[]): Route | undefined {
    const exact = this.#exact.get(key(path))
    if (exact !== undefined) return exact
    for (let depth = Math.min(this.#maxDepth, path.length - 1); depth >= 0; depth--) {
      const route = this.#below.get(key(path.slice(0, depth)))
      if (route !== undefined) return route
    }
    return undefined
  }

  /** The resources with an exact path, in the order of the table. */
  exact(): readonly (readonly [path: readonly string[], resource: Resource])[] {
    return Array.from(this.#exact, ([text, { resource }]) => [segmentsOf(text), resource])
  }

  #add(path: string, resource: Resource): void {
    if (typeof resource !== 'object' || resource === null) {
      throw new TypeError(`a resource must be an object with handlers, such as get: ${path}`)
    }
    const segments = path === '' ? [] : path.split('/')
    const above = segments.at(-1) === '*' ? segments.slice(0, -1) : segments
    if (above.some((segment) => segment === '' || segment === '*')) {
      throw new TypeError(`paths of resources are like a/b or a/*, without outer slashes: ${path}`)
    }
    const route = { resource, depth: above.length }
    if (above === segments) {
      this.#exact.set(key(above), route)
      return
    }
    this.#below.set(key(above), route)
    this.#maxDepth = Math.max(this.#maxDepth, above.length)
  }
}

// No NUL gets into a path of the table, but one may come within a segment of a request.
function key(path: readonly string[]): string {
  return JSON.stringify(path)
}

function segmentsOf(text: string): readonly string[] {
  return JSON.parse(text) as readonly string[]
}
