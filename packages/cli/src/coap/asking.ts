// SPDX-License-Identifier: Apache-2.0
/**
 * What the commands have in common that ask a server: their options, the client for them, and what they
 * make of an answer.
 *
 * @module
 */

import type { Command } from 'commander'
import { type ErrorCode, WaxwingError } from '@waxwing/core'
import {
  type AskOptions,
  type BlockwiseOptions,
  type CoapClient,
  coapClient,
  type CoapClientOptions,
  type CoapResponse,
  type ClientSecurity,
  httpNetwork,
  type HttpNetwork,
  parseCoapUri,
} from '@waxwing/coap'
import type { Context } from '../context.js'
import { ResponseError, UsageError } from '../exit-codes.js'
import { codeText, nameOfCode } from '../inspect/coap-codes.js'
import { previewOf } from '../inspect/content.js'
import { parseDuration } from '../times.js'
import { wholeNumber } from '../wishes.js'
import { authorityOfUri, coapUri } from './authority.js'
import { parseContentFormat } from '../inspect/content-formats.js'
import { clientProtection, type Protection, type ProtectionWish } from './home-security.js'
import { showingProgress } from './transfer-progress.js'

/** More than any body that a client accepts. */
const WHOLE_BYTES = 2 ** 30

/** The options of every command that asks. */
export interface AskingOptions extends ProtectionWish {
  readonly proxy?: string
  readonly accept?: string
  readonly non?: boolean
  readonly blockSize?: string
  readonly timeout?: string
}

/** Adds the options, in groups of their own. */
export function addAskingOptions(command: Command): Command {
  command
    .option('--accept <format>', 'the format that the answer has to have: a number, json, cbor, …')
    .option(
      '--proxy <uri>',
      'ask through this proxy: coap://HOST[:PORT], or http://HOST[:PORT]/hc/',
    )
    .option('--timeout <duration>', 'give up after this time; default: 2m')
    .option('--block-size <bytes>', 'largest block to send and to ask for: 16, 32, … 1024')
    .option('--non', 'send once and do not wait for acknowledgements')
  return command
    .optionsGroup('Protection (default: that of whoever is known at the server, else none):')
    .option('--edhoc', 'by EDHOC, with a peer who is known to be there')
    .option('--peer <name>', 'by EDHOC, with this peer, wherever it is')
    .option('--oscore <name>', 'by a pre-shared context')
    .option('--plain', 'without protection, although somebody is known there')
}

/** A client for one URI, and how it is protected. */
export interface Asking {
  readonly client: CoapClient
  readonly uri: string
  readonly protection: Protection | undefined
}

/**
 * Opens a client.
 *
 * @param sendBytes - How large the payload is.
 */
export async function openAsking(
  context: Context,
  given: string,
  options: AskingOptions,
  sendBytes = 0,
): Promise<Asking> {
  const uri = coapUri(given)
  const protection = await clientProtection(context, authorityOfUri(parseCoapUri(uri)), options)
  const security = protection?.security
  const client = coapClient({
    ...wayOf(context, options.proxy),
    ...(options.blockSize === undefined ? {} : { blockSize: blockSizeOf(options.blockSize) }),
    ...progressOf(context, { security, sendBytes, proxy: options.proxy }),
  })
  context.defer(() => client.close())
  return { client, uri, protection }
}

/** To a proxy of CoAP or, with a URL of HTTP, through one between the two. */
function wayOf(
  context: Context,
  proxy: string | undefined,
): Pick<CoapClientOptions, 'proxy' | 'network' | 'wholeMessageBytes'> {
  if (proxy === undefined) return {}
  if (!isHttp(proxy)) return { proxy: coapUri(proxy) }
  const http = openHttpNetwork(proxy)
  const { network } = http
  context.defer(() => Promise.resolve(http.close()))
  return { network, wholeMessageBytes: WHOLE_BYTES }
}

/** HTTP carries bodies whole: there is nothing to be shown of a body that nothing protects. */
function progressOf(
  { output }: Context,
  {
    security,
    sendBytes,
    proxy = '',
  }: {
    readonly security: ClientSecurity | undefined
    readonly sendBytes: number
    readonly proxy: string | undefined
  },
): Pick<CoapClientOptions, 'security'> {
  if (security === undefined && isHttp(proxy)) return {}
  return { security: showingProgress(output, security, sendBytes) }
}

function isHttp(proxy: string): boolean {
  return /^https?:/i.test(proxy)
}

function openHttpNetwork(proxyUrl: string): HttpNetwork {
  try {
    return httpNetwork({ proxyUrl })
  } catch (error) {
    if (error instanceof RangeError) {
      throw new UsageError(
        '--proxy over HTTP is a URL that ends with a slash: http://HOST:PORT/hc/',
      )
    }
    throw error
  }
}

/** What is said with each request. It is given up when the command is to end, or its time is over. */
export function askOptions(context: Context, options: AskingOptions): AskOptions {
  const { timeout, non } = options
  const signals = [context.stop.signal]
  if (timeout !== undefined) signals.push(AbortSignal.timeout(parseDuration(timeout) * 1000))
  return {
    signal: AbortSignal.any(signals),
    confirmable: non !== true,
    ...acceptOption(options),
  }
}

/** What `--accept` asks for. */
export function acceptOption({ accept }: AskingOptions): Pick<AskOptions, 'accept'> {
  return accept === undefined ? {} : { accept: parseContentFormat(accept, '--accept') }
}

/** What went wrong, in the words of these commands. */
export async function inTime<T>(asked: Promise<T>, { timeout }: AskingOptions): Promise<T> {
  try {
    return await asked
  } catch (error) {
    throw asAskingError(error, timeout)
  }
}

/** The end of a time limit is told as such, and who is not reached is no broker. */
export function asAskingError(error: unknown, timeout: string | undefined): unknown {
  if (error instanceof DOMException && error.name === 'TimeoutError') {
    return new WaxwingError('ERR_TIMEOUT', `no answer came within ${timeout ?? ''}`, OF_SERVER)
  }
  if (error instanceof DOMException && error.name === 'AbortError') {
    return new UsageError('given up')
  }
  if (!(error instanceof WaxwingError)) return error
  const { code, message, details } = error
  const rule = RULE_BY_CODE[code] ?? details.rule
  return rule === undefined ? error : new WaxwingError(code, message, { rule }, { cause: error })
}

const OF_SERVER = { rule: 'coap-server' } as const

/** What helps with it. */
const RULE_BY_CODE: Readonly<Partial<Record<ErrorCode, string>>> = {
  ERR_TRANSPORT: OF_SERVER.rule,
  ERR_TIMEOUT: OF_SERVER.rule,
  ERR_KEY_UNKNOWN: 'coap-unknown',
  ERR_NOT_TRUSTED: 'coap-unknown',
  ERR_NOT_AUTHENTIC: 'coap-unknown',
}

/** @throws {ResponseError} If the code is an error. */
export function assertSuccess(response: CoapResponse): void {
  if (response.isSuccess) return
  const { code, payload } = response
  const diagnostic = previewOf(payload)
  const says = payload.length === 0 || diagnostic === nameOfCode(code) ? '' : `: ${diagnostic}`
  throw new ResponseError(response.codeName, `the server answered ${codeText(code)}${says}`)
}

function blockSizeOf(text: string): NonNullable<BlockwiseOptions['blockSize']> {
  const bytes = wholeNumber(text, '--block-size', 16)
  const sizes = [16, 32, 64, 128, 256, 512, 1024] as const
  const found = sizes.find((size) => size === bytes)
  if (found === undefined) throw new UsageError(`--block-size is one of ${sizes.join(', ')}`)
  return found
}
