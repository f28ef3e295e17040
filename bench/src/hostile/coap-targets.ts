// SPDX-License-Identifier: Apache-2.0
/**
 * What reads the messages of CoAP, OSCORE and EDHOC, and the texts of CoAP. Whole exchanges with hostile
 * bytes stand in the tests of the packages, datagrams in `datagrams.ts`.
 *
 * @module
 */

import { formatCoapUri, formatLinkFormat, parseCoapUri, parseLinkFormat } from '@waxwing/coap'
import { fromUtf8, utf8 } from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import {
  decodeCoap,
  decodeErrorMessage,
  decodeOscoreOption,
  encodeCoap,
  encodeErrorMessage,
  encodeOscoreOption,
  formatOscoreField,
  OuterBlocks,
  parseOscoreField,
  receiveMessage1,
} from '@waxwing/oscore'
import { same } from './same.ts'
import { casesOf, fieldOf } from './seeds.ts'
import type { Target, Trial } from './target.ts'

const LINKS = [
  '</sensors>;ct=40;title="Sensor Index",</sensors/temp>;rt="temperature-c";if="sensor"',
  '</light>;rt="light-lux core.s";obs;osc;sz=12,<http://example.com/t>;rel="alternate"',
]
const URIS = ['coap://[2001:db8::1%25eth0]:61616/a%2Fb/%C3%BC?x=1&%26', 'coap://example.com/']
const MAX_BODY_BYTES = 4_096

/** Exchanges as EDHOC's vectors have them, of the Responder as of the Initiator. */
function edhocSeeds(): readonly Uint8Array[] {
  const lists = casesOf('edhoc').map(({ received }) => received as readonly string[])
  return lists.flat().map((text) => Buffer.from(text, 'hex'))
}

export function coapTargets(): readonly Target[] {
  const messages = fieldOf('bytes', 'oscore')
  return [
    {
      name: 'CoAP message',
      covers: [],
      codes: ['ERR_MALFORMED'],
      seeds: [...messages, ...fieldOf('request', 'oscore')],
      weight: 8,
      run: (bytes) => same('message', encodeCoap(decodeCoap(bytes)), bytes),
    },
    {
      name: 'OSCORE option',
      covers: [],
      codes: ['ERR_MALFORMED'],
      seeds: fieldOf('value', 'oscore'),
      weight: 4,
      run(bytes) {
        const value = encodeOscoreOption(decodeOscoreOption(bytes))
        const field = parseOscoreField(formatOscoreField(bytes))
        return same('option', value, bytes) ?? same('header field', field, bytes)
      },
    },
    {
      name: 'Outer blocks',
      covers: [],
      codes: ['ERR_MALFORMED', 'ERR_LIMIT'],
      seeds: messages,
      weight: 3,
      run: joinedWithin,
    },
    {
      name: 'EDHOC message_1',
      covers: [],
      codes: ['ERR_MALFORMED', 'ERR_UNSUPPORTED', 'ERR_KEY_INVALID'],
      seeds: edhocSeeds(),
      weight: 2,
      run(bytes) {
        const options = {
          crypto: nodeProvider,
          suites: [0],
          credentials: [],
          methods: [0],
        } as const
        receiveMessage1({ ...options, resolve: () => undefined }, bytes)
        return 'accepted, with no credential to answer by'
      },
    },
    {
      name: 'EDHOC error message',
      covers: [],
      codes: ['ERR_MALFORMED', 'ERR_UNSUPPORTED'],
      seeds: [
        encodeErrorMessage({ kind: 'unspecified', diagnostic: 'no' }),
        encodeErrorMessage({ kind: 'wrong-suite', suitesR: [0, 2] }),
        ...edhocSeeds(),
      ],
      weight: 2,
      run(bytes) {
        const error = decodeErrorMessage(bytes)
        // Success is read and never sent.
        return error.kind === 'success'
          ? undefined
          : same('error', encodeErrorMessage(error), bytes)
      },
    },
    {
      name: 'links',
      covers: [],
      codes: ['ERR_MALFORMED'],
      typeError: true, // of what is no UTF-8
      seeds: LINKS.map(utf8),
      weight: 3,
      run(bytes) {
        const links = parseLinkFormat(fromUtf8(bytes))
        const once = formatLinkFormat(links)
        const twice = formatLinkFormat(parseLinkFormat(once))
        return same('links', utf8(twice), utf8(once))
      },
    },
    {
      name: 'coap: URI',
      covers: [],
      codes: ['ERR_MALFORMED', 'ERR_UNSUPPORTED'],
      typeError: true, // of what is no UTF-8
      seeds: URIS.map(utf8),
      weight: 3,
      run(bytes) {
        const once = formatCoapUri(parseCoapUri(fromUtf8(bytes)))
        return same('URI', utf8(formatCoapUri(parseCoapUri(once))), utf8(once))
      },
    },
  ]
}

/** Twice the same message: whatever its block says, no more than the limit comes of it. */
function joinedWithin(bytes: Uint8Array): Trial {
  const blocks = new OuterBlocks('request', MAX_BODY_BYTES)
  const message = decodeCoap(bytes)
  blocks.add(message)
  const joined = blocks.add(message)
  const bound = Math.max(MAX_BODY_BYTES, message.payload.length)
  return joined !== undefined && joined.payload.length > bound ? 'above the limit' : undefined
}
