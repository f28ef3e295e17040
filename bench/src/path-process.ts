// SPDX-License-Identifier: Apache-2.0
/**
 * One end of the way from publish to handler, in a process of its own: the publishing end and the
 * reading end are the same script, told what to do.
 *
 * @module
 */

import { join } from 'node:path'
import { memoryStore, openEndpoint, type Endpoint, type Producer } from '@waxwing/client'
import { sqliteStore } from '@waxwing/store-sqlite'
import { carrierOf } from './path-carrier.ts'
import { TOPIC, type PathKind, type PathSetup } from './path-kind.ts'
import { serve } from './worker.ts'

/** Publishes that wait for the broker at once. */
const WINDOW = 256
const payload = new Uint8Array(256).fill(0x5a)

interface End {
  readonly endpoint: Endpoint | undefined
  publish: (() => Promise<unknown>) | undefined
  /** Messages that were handled and acknowledged. */
  handled: number
  /** So many were waited for so far. */
  expected: number
  wake: (() => void) | undefined
}

/** By topic. */
const ends = new Map<string, End>()

function endOf({ name, topic }: PathKind): End {
  const end = ends.get(topic)
  if (end === undefined) throw new RangeError(`${name} is not open`)
  return end
}

/** Opens an end. @returns What a domain needs to admit it, if it has an endpoint. */
async function open(kind: PathKind, { url, folder }: PathSetup): Promise<Uint8Array | undefined> {
  const end = { publish: undefined, handled: 0, expected: 0, wake: undefined }
  if (kind.signature === undefined) {
    ends.set(kind.topic, { ...end, endpoint: undefined })
    return undefined
  }
  const key = { keyBytes: new Uint8Array(32).fill(1) }
  const path = join(folder, `${kind.topic}-${process.pid}.db`)
  const store = kind.store === 'sqlite' ? sqliteStore(path, { key }) : memoryStore()
  const transport = carrierOf(kind.carrier).transport(url, kind.qos)
  const endpoint = await openEndpoint({ store, transport, decide: (request) => request.grant() })
  ends.set(kind.topic, { ...end, endpoint })
  return endpoint.enrolment({ name: 'bench' })
}

async function admit(kind: PathKind, admission: Uint8Array): Promise<void> {
  await endOf(kind).endpoint?.admit(admission)
}

/** Makes the reading end handle what comes. */
async function startReading(kind: PathKind, { url }: PathSetup): Promise<void> {
  const end = endOf(kind)
  const handle = (): void => {
    end.handled++
    if (end.handled >= end.expected) end.wake?.()
  }
  const address = `${TOPIC}/${kind.topic}`
  if (end.endpoint === undefined) {
    await carrierOf(kind.carrier).reader(url, address, kind.qos, handle)
    return
  }
  const reader = end.endpoint.reader(address, { acceptUnsigned: true })
  await reader.start() // else the first message may come before the subscription, and never again
  void (async () => {
    for await (const message of reader) void message.acknowledge().then(handle)
  })()
}

async function startPublishing(kind: PathKind, { url }: PathSetup): Promise<void> {
  const end = endOf(kind)
  const address = `${TOPIC}/${kind.topic}`
  if (end.endpoint === undefined || kind.signature === undefined) {
    const send = await carrierOf(kind.carrier).publisher(url, address, kind.qos)
    end.publish = () => send(payload)
    return
  }
  const options = { signature: kind.signature }
  const producer: Producer = await end.endpoint.producer(address, options)
  end.publish = () => producer.publish(payload)
}

/** Publishes so many, and resolves when the broker has taken all. */
async function publish(kind: PathKind, count: number): Promise<void> {
  const publishOne = endOf(kind).publish
  if (publishOne === undefined) throw new TypeError(`${kind.name} does not publish here`)
  let begun = 0
  const lane = async (): Promise<void> => {
    while (begun < count) {
      begun++
      await publishOne()
    }
  }
  await Promise.all(Array.from({ length: WINDOW }, lane))
}

/** Resolves when so many more were handled. */
async function expectMore(kind: PathKind, count: number): Promise<void> {
  const end = endOf(kind)
  end.expected += count
  if (end.handled >= end.expected) return
  await new Promise<void>((resolve) => {
    end.wake = resolve
  })
}

/** In milliseconds, since the process began. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

serve({ open, admit, startReading, startPublishing, publish, expect: expectMore, cpuMs })
