// SPDX-License-Identifier: Apache-2.0
/**
 * What JetStream answers to a message that was sent to a stream.
 *
 * @module
 */

import type { Msg } from '@nats-io/transport-node'
import { JetStreamApiError } from '@nats-io/jetstream'

const S = 0x73

/** Why the message was not taken; `undefined` where it was. */
export function refusalIn(answer: Msg | Error): Error | undefined {
  if (answer instanceof Error) return answer
  // `{"stream":…`, or `{"error":…`: one sign tells, and nothing else is wanted of what went well.
  if (answer.data[2] === S) return undefined
  try {
    const { error, stream } = answer.json<{ error?: unknown; stream?: unknown }>()
    if (error === undefined && typeof stream === 'string') return undefined
    return errorOf(error)
  } catch {
    return notJetStream()
  }
}

function errorOf(error: unknown): Error {
  if (typeof error !== 'object' || error === null) return notJetStream()
  const { code, err_code, description } = error as Record<string, unknown>
  if (typeof code !== 'number' || typeof description !== 'string') return notJetStream()
  return new JetStreamApiError({ code, err_code: Number(err_code), description })
}

function notJetStream(): Error {
  return new Error('whoever listens there is not JetStream')
}
