// SPDX-License-Identifier: Apache-2.0
/**
 * What a broker or medium can carry, and what it cannot do at all, as `waxwing doctor` says it.
 *
 * @module
 */

import type { Transport } from '@waxwing/core'
import type { Finding } from '../finding.js'
import { formatDuration } from '../times.js'
import { kindOfBroker } from './broker.js'
import type { Medium } from './kinds.js'

const FOUND: Readonly<Record<Medium, string>> = {
  mail:
    'mails: grants, answers and requests go to who wrote before, or stands in peers=; ' +
    'nothing is announced to all; mailboxes keep what came',
  sms:
    'SMS: each byte costs; grants, answers and requests go to who wrote before, or stands in ' +
    'peers=; nothing is announced to all, and nothing kept',
  lan:
    'the local network: who is away misses what is sent, unless a neighbour records ' +
    '(record=FOLDER&serve=yes); grants reach who is there',
}

/** Of mediums that are no brokers. */
export function mediumFinding(broker: string | undefined): Finding | undefined {
  const kind = kindOfBroker(broker)
  if (!isMedium(kind)) return undefined
  return { check: 'medium', state: 'good', found: FOUND[kind] }
}

/** What can be sent there, read again, and expected how soon. */
export function carriage({ limits }: Transport): Finding {
  const { maxPayloadBytes, history, answerSeconds } = limits
  const kept = {
    all: 'history is kept',
    newest: 'of history, the newest message of each address',
    none: 'no history',
  }[history ?? 'none']
  const patience =
    answerSeconds === undefined ? '' : `; answers are waited for ${formatDuration(answerSeconds)}`
  const found = `objects of ${maxPayloadBytes} bytes, larger payloads in pieces; ${kept}${patience}`
  return { check: 'carriage', state: 'good', found }
}

function isMedium(kind: string): kind is Medium {
  return Object.hasOwn(FOUND, kind)
}
