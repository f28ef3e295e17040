// SPDX-License-Identifier: Apache-2.0
/**
 * `waxwing coap serve`: the files of a folder as resources, or protection before a server of any make.
 *
 * @module
 */

import type { Command } from 'commander'
import {
  blockwiseClient,
  type CoapSecurityEvent,
  DEFAULT_PORT,
  type Handler,
  openUdpEndpoint,
  reverseProxy,
} from '@waxwing/coap'
import { coapUri } from '../coap/authority.js'
import { Folder } from '../coap/folder.js'
import { serverSecurity, shownName } from '../coap/home-security.js'
import { listen, type ListeningOptions, placeOf } from '../coap/listening.js'
import { RequestLog } from '../coap/request-log.js'
import { withContext, type Context } from '../context.js'
import { UsageError } from '../exit-codes.js'
import { counted, messageOf } from '../output.js'
import { teach } from '../teaching.js'

interface ServeOptions extends ListeningOptions {
  readonly to?: string
  readonly writable?: boolean
  readonly edhoc?: boolean
  readonly oscore?: readonly string[]
  readonly plain?: boolean
}

const MAX_BODY_BYTES: number = 16 * 1024 * 1024
const MAX_HELD_BYTES: number = 64 * 1024 * 1024

export function registerCoapServe(coap: Command): void {
  const serve = coap
    .command('serve')
    .description('serve the files of a folder, or protect a server that is there')
    .argument('[folder]', 'its files are the resources; those that begin with a dot are not')
    .option('--to <uri>', 'instead of a folder: what a server has, of any make, coap://HOST:PORT')
    .option('--writable', 'whoever may ask may also put, post and delete files')
    .option('--port <n>', `the UDP port; default: ${DEFAULT_PORT}; 0 for one that is free`)
    .option('--host <address>', 'listen at this address alone; default: all of the machine')
    .action(withContext(run))
  serve
    .optionsGroup('Who may ask (default: whoever this home knows):')
    .option('--edhoc', 'the peers: waxwing coap peer list')
    .option('--oscore <name...>', 'these contexts: waxwing coap context list')
    .option('--plain', 'everybody, without protection')
  teach(serve, {
    examples: ['coap serve readings', 'coap serve --to coap://127.0.0.1:61616'],
    next: 'there: `waxwing coap peer add NAME CREDENTIAL --at HOST`, and `waxwing coap get`.',
    notes: [
      'With --to, the server behind still answers whoever can reach it: let it listen on loopback only.',
    ],
  })
}

async function run(
  context: Context,
  folder: string | undefined,
  options: ServeOptions,
): Promise<void> {
  const { output, stop } = context
  const log = new RequestLog(output)
  const behind = await handlerOf(context, folder, options)
  const { handler, names } = await protectedBy(context, log.layer(behind), options, log)
  const server = await listen(context, options, {
    handler,
    ...(options.plain === true ? blocks(options) : {}),
  })
  const what = folder ?? options.to ?? ''
  if (names === undefined) {
    output.warn(`NOT PROTECTED: whoever reaches ${placeOf(server)} may ask for ${what}.`)
  } else {
    output.note(`Serving ${what} to ${names.join(', ')}.`)
  }
  output.note(`Listening at ${placeOf(server)}. Ctrl-C ends it.`)
  await stop.asked
  await server.close()
  output.note(`Answered ${counted(log.requestCount, 'request')}.`)
}

/** What is behind the protection. */
async function handlerOf(
  context: Context,
  path: string | undefined,
  { to, writable = false }: ServeOptions,
): Promise<Handler> {
  if ((path === undefined) === (to === undefined)) {
    throw new UsageError('say a folder, or --to coap://HOST:PORT')
  }
  if (path === undefined) {
    if (writable)
      throw new UsageError('--writable is of a folder: what is behind --to decides itself')
    return handlerTo(context, coapUri(to ?? ''))
  }
  const onError = (error: unknown): void => context.output.warn(`Problem: ${messageOf(error)}`)
  const folder = await Folder.open(path, { isWritable: writable, onError })
  context.defer(() => Promise.resolve(folder.close()))
  return folder.handler
}

async function handlerTo(context: Context, to: string): Promise<Handler> {
  const behind = await openUdpEndpoint()
  context.defer(() => behind.close())
  return reverseProxy({ network: blockwiseClient()(behind.network), routes: [{ to }] })
}

/** @returns The names of who may ask; `undefined` for everybody. */
async function protectedBy(
  context: Context,
  handler: Handler,
  options: ServeOptions,
  log: RequestLog,
): Promise<{ readonly handler: Handler; readonly names: readonly string[] | undefined }> {
  const { edhoc = false, oscore, plain = false } = options
  if (plain && (edhoc || oscore !== undefined)) {
    throw new UsageError('say --plain, or who may ask: --edhoc, --oscore NAME')
  }
  if (plain) return { handler, names: undefined }
  const isAll = !edhoc && oscore === undefined
  const keys = { edhoc: edhoc || isAll, oscore: isAll ? 'all' : (oscore ?? []) } as const
  const onEvent = (event: CoapSecurityEvent): void => tell(context, log, event)
  const { security, names } = await serverSecurity(context, keys, onEvent)
  return { handler: security.protect(handler, blocks(options)), names }
}

function blocks({ writable = false }: ServeOptions): {
  readonly maxBodyBytes?: number
  readonly maxHeldBytes: number
} {
  return { maxHeldBytes: MAX_HELD_BYTES, ...(writable ? { maxBodyBytes: MAX_BODY_BYTES } : {}) }
}

function tell({ output }: Context, log: RequestLog, event: CoapSecurityEvent): void {
  switch (event.kind) {
    case 'established':
      // A client that starts anew derives keys anew: it says nothing that its request does not.
      if (event.by === 'edhoc') output.note(`New keys with ${shownName(event.name)}, by EDHOC`)
      return
    case 'refused':
      log.refused(event.peer, event.error)
      return
    case 'evicted':
      output.note(`Forgot the keys of ${shownName(event.name)}: too many are in use`)
      return
    case 'failed':
      output.warn(`Problem: ${event.error.message}`)
  }
}
