// SPDX-License-Identifier: Apache-2.0
/**
 * `waxwing coap get`, `put`, `post` and `delete`: ask a resource.
 *
 * @module
 */

import { writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import type { AskOptions, CoapResponse, Method } from '@waxwing/coap'
import {
  addAskingOptions,
  type Asking,
  type AskingOptions,
  askOptions,
  assertSuccess,
  inTime,
  openAsking,
} from '../coap/asking.js'
import { payloadOf, type PayloadOptions } from '../coap/payload-input.js'
import { payloadLines, responseHead, responseValue } from '../coap/response-text.js'
import { withContext, type Context } from '../context.js'
import { UsageError } from '../exit-codes.js'
import { hexBytes } from '../inspect/datagram.js'
import { counted } from '../output.js'
import { type Lesson, teach } from '../teaching.js'

/** RFC 7252 Section 5.10.6. */
const MAX_ETAG_BYTES = 8

interface RequestOptions extends AskingOptions, PayloadOptions {
  readonly out?: string
  readonly raw?: boolean
  readonly ifMatch?: string
  readonly ifNoneMatch?: boolean
}

interface Verb {
  readonly method: Method
  readonly description: string
  readonly hasPayload: boolean
  readonly lesson: Lesson
}

const VERBS: readonly Verb[] = [
  {
    method: 'GET',
    description: 'get the state of a resource',
    hasPayload: false,
    lesson: {
      examples: [
        'coap get coap://sensor.example/temperature',
        'coap get coap://sensor.example/firmware --out firmware.bin',
      ],
      next: '`waxwing coap observe` goes on telling what becomes of it.',
    },
  },
  {
    method: 'PUT',
    description: 'put a state in the place of that of a resource',
    hasPayload: true,
    lesson: {
      examples: [
        'coap put coap://valve.example/opening 75',
        'coap put coap://valve.example/firmware --file firmware.bin',
      ],
      next: '`waxwing coap get` shows what is there now.',
    },
  },
  {
    method: 'POST',
    description: 'give a resource something to work on',
    hasPayload: true,
    lesson: {
      examples: [`coap post coap://lamp.example/rules '{"at":"07:00"}' --content-format json`],
      next: '`waxwing coap discover` lists what a server has.',
    },
  },
  {
    method: 'DELETE',
    description: 'delete a resource',
    hasPayload: false,
    lesson: {
      examples: ['coap delete coap://lamp.example/rules/7'],
      next: '`waxwing coap discover` lists what is left.',
    },
  },
]

export function registerCoapRequests(coap: Command): void {
  for (const verb of VERBS) registerVerb(coap, verb)
}

function registerVerb(coap: Command, { method, description, hasPayload, lesson }: Verb): void {
  const command = coap
    .command(method.toLowerCase())
    .description(description)
    .argument('<uri>', 'coap://HOST[:PORT]/PATH')
  if (hasPayload) {
    command
      .argument('[payload]', 'the payload; - is standard input')
      .option('--file <file>', 'the payload is this file')
      .option(
        '--content-format <format>',
        'what the payload is: a number, json, cbor, text/plain, …',
      )
      .action(
        withContext((context, uri: string, payload: string | undefined, options: RequestOptions) =>
          run(context, { method, uri, payload, options }),
        ),
      )
  } else {
    command.action(
      withContext((context, uri: string, options: RequestOptions) =>
        run(context, { method, uri, payload: undefined, options }),
      ),
    )
  }
  command
    .option('--out <file>', 'write the payload of the answer to this new file')
    .option('--raw', 'print nothing but the payload of the answer, byte for byte')
  if (method !== 'GET') {
    command
      .option('--if-match <etag>', 'only if it still has this entity tag: --json of get shows it')
      .option('--if-none-match', 'only if there is no such resource yet')
  }
  teach(addAskingOptions(command), lesson)
}

interface Asked {
  readonly method: Method
  readonly uri: string
  readonly payload: string | undefined
  readonly options: RequestOptions
}

async function run(context: Context, { method, uri, payload, options }: Asked): Promise<void> {
  const given = await payloadOf(payload, options)
  const asking = await openAsking(context, uri, options, given?.bytes.length)
  const response = await inTime(
    asking.client.request({
      ...askOptions(context, options),
      ...conditionsOf(options),
      method,
      uri: asking.uri,
      ...(given === undefined ? {} : { payload: given.bytes }),
      ...(given?.contentFormat === undefined ? {} : { contentFormat: given.contentFormat }),
    }),
    options,
  )
  context.output.progressDone()
  assertSuccess(response)
  show(context, response, asking, options)
}

/** @throws {UsageError} If the entity tag is none. */
function conditionsOf({ ifMatch, ifNoneMatch = false }: RequestOptions): AskOptions {
  if (ifMatch === undefined) return { ifNoneMatch }
  const etag = hexBytes(ifMatch)
  if (etag !== undefined && etag.length <= MAX_ETAG_BYTES) return { ifNoneMatch, ifMatch: [etag] }
  throw new UsageError('--if-match is an entity tag: 1 to 8 bytes in hex')
}

function show(
  { output }: Context,
  response: CoapResponse,
  { protection }: Asking,
  { out, raw }: RequestOptions,
): void {
  const { payload } = response
  if (!output.json) output.note(responseHead(response, protection))
  if (raw === true) {
    output.raw(payload)
    return
  }
  if (out === undefined) {
    output.result(responseValue(response, protection), payloadLines(response))
    return
  }
  writeFileSync(out, payload, { flag: 'wx', mode: 0o600 })
  const { text: _, hex: __, ...rest } = responseValue(response, protection)
  output.result({ ...rest, file: out }, `Wrote ${out}, ${counted(payload.length, 'byte')}`)
}
