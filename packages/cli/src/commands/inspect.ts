// SPDX-License-Identifier: Apache-2.0
/**
 * `waxwing inspect`: what is in a file.
 *
 * @module
 */

import type { Command } from 'commander'
import { ArchiveReader, toHex, WaxwingError } from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import { memoryStore, openEndpoint } from '@waxwing/client'
import { withContext, type Context } from '../context.js'
import { openDomain } from '../domain-home.js'
import { UsageError } from '../exit-codes.js'
import { describeFile, type FileKind, fileKind } from '../file-kind.js'
import { datagramTree } from '../inspect/coap-tree.js'
import { compactTree } from '../inspect/compact-tree.js'
import { hexDump } from '../inspect/content.js'
import { datagramsOf } from '../inspect/datagram.js'
import { edhocFileTree } from '../inspect/edhoc-tree.js'
import { EndpointViewer } from '../inspect/endpoint-viewer.js'
import { itemTree } from '../inspect/item-tree.js'
import { drawTree, treeToJson, type Tree } from '../inspect/tree.js'
import { blindViewer, type Viewer } from '../inspect/viewer.js'
import { readInput, unwrapped } from '../files.js'
import { counted, type Output } from '../output.js'
import { teach } from '../teaching.js'

export function registerInspect(program: Command): void {
  teach(
    program
      .command('inspect')
      .description('show what is in an object, a control message, an archive or messages of CoAP')
      .argument('<file>', 'the file, as it is, in base64 or hex; - is standard input')
      .option('--hex', 'show the bytes too')
      .option('--blind', 'use no key and no trust: show what any broker sees')
      .action(withContext(run)),
    {
      examples: [
        'inspect recording.wax',
        'mosquitto_sub -t plant/# -C 1 -N | waxwing inspect -',
        'tshark -i lo -f "udp port 5683" -T fields -e udp.payload -c 4 | waxwing inspect -',
      ],
      next: '`waxwing open` shows the messages of an archive.',
    },
  )
}

async function run(
  context: Context,
  file: string,
  options: { readonly hex?: boolean; readonly blind?: boolean },
): Promise<void> {
  const { output } = context
  const bytes = await readInput(file)
  const kind = knownKind(file, bytes)
  const viewer = await viewerFor(context, options.blind === true)
  const traffic = await trafficTrees(bytes, kind, viewer)
  if (traffic !== undefined) {
    for (const [item, tree] of traffic) show(output, item, described(tree), options)
    return
  }
  const { items, problem } = split(unwrapped(bytes))
  if (items.length === 0 && problem !== undefined) throw problem
  if (items.length > 1) output.note(`An archive of ${counted(items.length, 'item')}`)
  for (const item of items) show(output, item, await describe(item, viewer), options)
  if (problem !== undefined) throw problem
}

function show(
  output: Output,
  item: Uint8Array,
  { lines, json }: Described,
  { hex = false }: { readonly hex?: boolean },
): void {
  output.result(
    hex ? { ...json, hex: toHex(item) } : json,
    hex ? [...lines, ...hexDump(item)] : lines,
  )
}

/** What a file holds that is no item of ours, message by message; `undefined` if it holds items. */
async function trafficTrees(
  bytes: Uint8Array,
  kind: FileKind,
  viewer: Viewer,
): Promise<readonly (readonly [item: Uint8Array, tree: Tree])[] | undefined> {
  if (kind === 'edhoc' || kind === 'compact') {
    const item = unwrapped(bytes)
    const tree = kind === 'edhoc' ? edhocFileTree(item) : compactTree(item, viewer)
    return tree === undefined ? undefined : [[item, tree]]
  }
  const datagrams = kind === 'datagrams' ? datagramsOf(bytes) : undefined
  if (datagrams === undefined) return undefined
  return Promise.all(
    datagrams.map(async (each) => [each.bytes, await datagramTree(each, viewer)] as const),
  )
}

type Described = { lines: readonly string[]; json: ReturnType<typeof treeToJson> }

function described(tree: Tree): Described {
  return { lines: drawTree(tree), json: treeToJson(tree) }
}

/** In an archive, one item that is unknown does not hide the others. */
async function describe(item: Uint8Array, viewer: Viewer): Promise<Described> {
  try {
    return described(await itemTree(item, viewer))
  } catch (error) {
    if (!(error instanceof WaxwingError)) throw error
    const { code, message } = error
    const title = `not readable: ${message} (${code})`
    return { lines: [title], json: { kind: 'unreadable', code, message } }
  }
}

/** @throws {UsageError} If another command takes it. @throws {WaxwingError} `ERR_MALFORMED` if none. */
function knownKind(file: string, bytes: Uint8Array): FileKind {
  const kind = fileKind(bytes)
  if (kind === 'database') throw new UsageError(describeFile(file, kind))
  if (kind === 'empty' || kind === 'nothing') {
    throw new WaxwingError('ERR_MALFORMED', describeFile(file, kind), { rule: kind })
  }
  return kind
}

async function viewerFor(context: Context, isBlind: boolean): Promise<Viewer> {
  const { home } = context
  if (!isBlind && home.has('store')) {
    return new EndpointViewer(await context.openEndpoint({ part: 'offline' }))
  }
  return isBlind || !home.has('domain') ? blindViewer(nodeProvider) : domainViewer(context)
}

/** Who runs a domain believes what the domain says. */
async function domainViewer(context: Context): Promise<Viewer> {
  const domain = await openDomain(context)
  const endpoint = await openEndpoint({ store: memoryStore(), name: domain.name })
  context.defer(() => endpoint.close())
  await endpoint.parts.trustBook.follow([...domain.introductions, domain.bundle], domain.id)
  return new EndpointViewer(endpoint)
}

/** The items of a file; where it is damaged, those before the damage. */
function split(bytes: Uint8Array): { items: readonly Uint8Array[]; problem?: Error } {
  const reader = new ArchiveReader()
  let items: readonly Uint8Array[] = []
  try {
    items = reader.push(bytes)
    reader.end()
    return { items }
  } catch (error) {
    if (!(error instanceof WaxwingError)) throw error
    return { items, problem: error }
  }
}
