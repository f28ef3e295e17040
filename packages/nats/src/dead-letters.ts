// SPDX-License-Identifier: Apache-2.0
/**
 * Where messages go that nobody can use (`docs/spec/09-bindings.md` Section 9.7.5): a copy, with the
 * reason, to a stream of its own, confirmed before the message itself is given up. A crash in between
 * leaves both, and the second copy is known by its id.
 *
 * @module
 */

import type { Msg } from '@nats-io/transport-node'
import { NO_ANSWER, NO_RESPONDERS, type Answer } from './asks.js'
import { originOf, type Delivered } from './delivered.js'
import { refusalIn } from './publish-answer.js'
import { headersOf, MESSAGE_ID, propertiesOf } from './properties.js'
import { DEAD_PREFIX, refused, type Session, type Streams } from './streams.js'

interface DeadLetter {
  readonly message: Msg
  readonly delivered: Delivered
  readonly reason: string
}

/** Headers of a dead letter. */
const REASON = 'Waxwing-Reason'
const DELIVERIES = 'Waxwing-Deliveries'
const STORED = 'Waxwing-Stored'

/** Keeps a copy. @throws {WaxwingError} `ERR_TRANSPORT` if JetStream did not take it. */
export async function sendToDead(
  session: Session,
  streams: Streams,
  { message, delivered, reason }: DeadLetter,
): Promise<void> {
  const { count, sequence, storedMs } = delivered
  const properties = { ...propertiesOf(message.headers) }
  const own = {
    [MESSAGE_ID]: `${originOf(message.reply ?? '')}.${sequence}`,
    [REASON]: oneLine(reason),
    [DELIVERIES]: String(count),
    [STORED]: new Date(storedMs).toISOString(),
  }
  const subject = DEAD_PREFIX + message.subject
  const put = (): Promise<Answer> =>
    new Promise((resolve) => {
      session.asks.ask(subject, message.data, headersOf(own, properties), resolve)
    })
  const ready = async (): Promise<void> => {
    await streams.get(session, 'dead').catch((error: unknown) => {
      throw refused('the dead letter was not kept', error)
    })
  }
  if (!streams.has(session, 'dead')) await ready()
  let answer = await put()
  if (answer === NO_RESPONDERS) {
    await ready() // somebody removed it
    answer = await put()
  }
  const why =
    answer === NO_RESPONDERS || answer === NO_ANSWER
      ? new Error('JetStream did not answer')
      : refusalIn(answer)
  if (why !== undefined) throw refused('the dead letter was not kept', why)
}

function oneLine(reason: string): string {
  return reason
    .toWellFormed()
    .replaceAll(/\p{Cc}+/gu, ' ')
    .trim()
}
