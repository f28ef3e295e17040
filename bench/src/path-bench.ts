// SPDX-License-Identifier: Apache-2.0
/**
 * From publish to handler over a broker: one process publishes 256 bytes at a time, another handles and
 * acknowledges them; the bare client library does the same in the same shape.
 *
 * @module
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Domain, memoryStore } from '@waxwing/client'
import { startMosquitto, startNats, startRabbitmq } from '@waxwing/testkit'
import type { Contender } from './measure.ts'
import type { CarrierName, QualityOfService } from './path-carrier.ts'
import { pathKinds, type PathKind, type PathSetup } from './path-kind.ts'
import { Worker } from './worker.ts'

const MOSQUITTO = [
  // No message is dropped, so that every one can be waited for.
  'max_queued_messages 0',
  // As many under way at once as both ends want: MQTT.js heeds no such limit, and we do.
  'max_inflight_messages 256',
  // The fixture logs every packet, which would cost more than carrying it.
  'log_type none',
  'log_type information',
]

export interface PathBench {
  readonly contenders: readonly Contender[]
  close(): Promise<void>
}

interface Broker {
  readonly url: string
  close(): Promise<void>
}

const BROKERS: Readonly<Record<CarrierName, () => Promise<Broker>>> = {
  mqtt: () => startMosquitto({ config: MOSQUITTO }),
  amqp: () => startRabbitmq(),
  nats: () => startNats(),
}

export async function pathBench(
  carrier: CarrierName,
  qos: QualityOfService = 1,
): Promise<PathBench> {
  const folder = mkdtempSync(join(tmpdir(), 'waxwing-bench-'))
  const broker = await BROKERS[carrier]()
  const script = new URL('./path-process.ts', import.meta.url)
  const ends = { publisher: new Worker(script), reader: new Worker(script) }
  const domain = await Domain.create({ store: memoryStore(), name: 'bench', recovery: false })
  const setup = { url: broker.url, folder }
  const contenders: Contender[] = []
  for (const kind of pathKinds(carrier, qos)) {
    contenders.push(await contenderFor(kind, { ends, domain, setup }))
  }
  return {
    contenders,
    close: async () => {
      await Promise.all([ends.publisher.kill(), ends.reader.kill()])
      await broker.close()
      rmSync(folder, { recursive: true })
    },
  }
}

interface Stage {
  readonly ends: { readonly publisher: Worker; readonly reader: Worker }
  readonly domain: Domain
  readonly setup: PathSetup
}

async function contenderFor(kind: PathKind, { ends, domain, setup }: Stage): Promise<Contender> {
  for (const worker of [ends.publisher, ends.reader]) {
    const enrolment = await worker.call<Uint8Array | undefined>('open', kind, setup)
    if (enrolment === undefined) continue
    await worker.call('admit', kind, await domain.admit(enrolment, { produces: ['plant/#'] }))
  }
  await ends.reader.call('startReading', kind, setup)
  await ends.publisher.call('startPublishing', kind, setup)
  const contender: Contender = {
    name: kind.name,
    run: async (count) => {
      const handled = ends.reader.call('expect', kind, count)
      await ends.publisher.call('publish', kind, count)
      await handled
    },
    cpuMs: async () => {
      const used = await Promise.all([
        ends.publisher.call<number>('cpuMs'),
        ends.reader.call<number>('cpuMs'),
      ])
      return used[0] + used[1]
    },
  }
  await contender.run(1) // asks for the key, and is granted it
  return contender
}
