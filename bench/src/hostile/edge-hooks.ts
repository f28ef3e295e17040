// SPDX-License-Identifier: Apache-2.0
/**
 * Loads the built packages, and the library that reads CBOR for them, with counters in their blocks. To be called before anything imports them.
 *
 * @module
 */

import { registerHooks } from 'node:module'
import { edgesOfProcess, withCounters, type Edges } from './edges.ts'

const INSTRUMENTED =
  /\/(packages\/(core|client|oscore|coap)\/dist|node_modules\/cbor2\/lib)\/.*\.js$/

export function countEdges(): Edges {
  const edges = edgesOfProcess()
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context)
      if (!INSTRUMENTED.test(url) || loaded.source === undefined) return loaded
      const { source } = loaded
      const text =
        typeof source === 'string' ? source : Buffer.from(source as Uint8Array).toString()
      return { ...loaded, source: withCounters(text, edges) }
    },
  })
  return edges
}
