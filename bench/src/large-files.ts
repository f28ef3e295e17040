// SPDX-License-Identifier: Apache-2.0
/**
 * A large payload through each broker, from one process to another, while connections break: it arrives
 * byte for byte, and neither process grows with it.
 *
 * @module
 */

import { Domain, memoryStore } from '@waxwing/client'
import { startProxy } from '@waxwing/testkit'
import { COURSES, courseOf } from './broker-courses.ts'
import type { LargeEnd } from './large-file-process.ts'
import { Worker } from './worker.ts'

export interface LargeFileOptions {
  readonly mebibytes: number
  /** How often all connections break meanwhile. */
  readonly cuts: number
  progress?(line: string): void
}

export interface LargeFileReport {
  readonly pieces: number
  /** Pieces that came again before they were acknowledged. */
  readonly doubled: number
  readonly seconds: number
  /** How much each process grew at the most from when it was ready, in MiB. */
  readonly senderMiB: number
  readonly readerMiB: number
  readonly problems: readonly string[]
}

/** @returns The reports by broker. */
export async function runLargeFiles(
  options: LargeFileOptions,
): Promise<Readonly<Record<string, LargeFileReport>>> {
  const reports: Record<string, LargeFileReport> = {}
  for (const name of Object.keys(COURSES)) {
    options.progress?.(`${options.mebibytes} MiB over ${name}`)
    reports[name] = await runOne(name, options)
  }
  return reports
}

async function runOne(
  name: string,
  { mebibytes, cuts }: LargeFileOptions,
): Promise<LargeFileReport> {
  const server = await courseOf(name).serve()
  const proxy = await startProxy(server.port)
  const script = new URL('./large-file-process.ts', import.meta.url)
  const [sender, reader] = [new Worker(script), new Worker(script)]
  let reached = 0
  const watch = setInterval(() => {
    void sender.call<number>('sentShare').then((share) => {
      if (reached < cuts && share > (reached + 0.5) / cuts) {
        reached++
        proxy.cut()
      }
    })
  }, 50)
  try {
    const domain = await Domain.create({ store: memoryStore(), name: 'files', recovery: false })
    for (const [session, worker] of Object.entries({ sender, reader })) {
      const enrolment = await worker.call<Uint8Array>('open', { name, port: proxy.port, session })
      await worker.call('admit', await domain.admit(enrolment, { produces: ['files/#'] }))
    }
    const began = performance.now()
    await reader.call('listen')
    const received = reader.call<LargeEnd>('received')
    const sent = await sender.call<LargeEnd>('send', mebibytes)
    const got = await received
    return {
      pieces: got.pieces,
      doubled: got.doubled,
      seconds: (performance.now() - began) / 1000,
      senderMiB: sent.grownMiB,
      readerMiB: got.grownMiB,
      problems: [
        ...(sent.digest === got.digest ? [] : [`${name}: other bytes arrived than were sent`]),
        ...(reached === cuts ? [] : [`${name}: ${reached} of ${cuts} cuts`]),
      ],
    }
  } finally {
    clearInterval(watch)
    await Promise.all([sender.kill(), reader.kill()])
    await proxy.close()
    await server.close()
  }
}
