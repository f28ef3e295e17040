// SPDX-License-Identifier: Apache-2.0
/** Streams that several clients declare at once, at a server that is told what to answer. */
import { JetStreamApiError, type StreamInfo } from '@nats-io/jetstream'
import { describe, expect, it } from 'vitest'
import { resolveOptions } from '../src/options.js'
import { Streams, type Session } from '../src/streams.js'

const NOT_FOUND = apiError(404, 10_059)
const OVERLAPS = apiError(400, 10_065)

function apiError(code: number, err_code: number): JetStreamApiError {
  return new JetStreamApiError({ code, err_code, description: 'as it was told' })
}

/** Says that the stream is not there so many times, and refuses to add it. */
function sessionOf(absentTimes: number): Session {
  let asked = 0
  const subjects = ['waxwing.v1.>']
  const info = { config: { name: 'WAXWING_CONTROL', subjects, retention: 'limits' } } as StreamInfo
  const api = {
    stream: () => (asked++ < absentTimes ? Promise.reject(NOT_FOUND) : Promise.resolve(info)),
    addStream: () => Promise.reject(OVERLAPS),
  }
  return { api } as unknown as Session
}

describe('a stream that the server will not add', () => {
  const streams = new Streams(resolveOptions({ url: 'nats://127.0.0.1' }))

  it('is used where somebody else declared it at that moment', async () => {
    const { config } = await streams.get(sessionOf(1), 'control')
    expect(config.name).toBe('WAXWING_CONTROL')
  })

  it('is told of where another one is in its place', async () => {
    const refused = streams.get(sessionOf(2), 'control')
    await expect(refused).rejects.toThrow('another stream takes what WAXWING_CONTROL should')
  })
})
