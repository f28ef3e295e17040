// SPDX-License-Identifier: Apache-2.0
/**
 * `npm run bench`: what protection costs, as ratios in one run. `-- objects`, `-- grants`,
 * `-- threads`, `-- path`, `-- queues`, `-- coap` or `-- peers` measures only that, `--quick` with fewer rounds, `--json` prints JSON, `--write` makes
 * `docs/benchmarks.md` and its plot, of all parts. Results are kept in `bench/results`.
 *
 * @module
 */

import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { mosquittoAvailable, natsAvailable, rabbitmqAvailable } from '@waxwing/testkit'
import { clientBench } from './client-bench.ts'
import { bareGrantCalls, bareTakingCalls, coreGrant, coreTaking } from './grant-bench.ts'
import { measure, type Contender, type MeasureOptions } from './measure.ts'
import { bareDecrypt, bareEncrypt, bareSign, bareVerify } from './native-calls.ts'
import { coreOpen, coreSeal } from './object-bench.ts'
import { bareCcm, oscoreExchange, udpBench } from './oscore-bench.ts'
import { pathBench } from './path-bench.ts'
import { peerTables } from './peers-bench.ts'
import { peersPlot } from './peers-plot.ts'
import { missedPeerAims, peersMarkdown } from './peers-report.ts'
import { threadsBench } from './threads-bench.ts'
import { machine, missedAims, saveResult, toMarkdown, type Table } from './report.ts'

const PAYLOAD_BYTES = 256
const PAGE = new URL('../../docs/benchmarks.md', import.meta.url)
const PLOT_NAME = 'benchmarks.svg'
const PLOT = new URL(`../../docs/${PLOT_NAME}`, import.meta.url)

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})

const objectRounds = { rounds: values.quick ? 11 : 51, blockMs: 20, byProcessorTime: true }
const pathRounds = { rounds: values.quick ? 5 : 15, blockMs: 500 }
const peerRounds = {
  rounds: values.quick ? 5 : 21,
  blockMs: values.quick ? 5 : 20,
  warmUpMs: values.quick ? 30 : 200,
  byProcessorTime: true,
}

type Aims = Readonly<Record<string, number>>

async function table(
  title: string,
  note: string,
  {
    contenders,
    aims,
    rounds,
  }: { contenders: readonly Contender[]; aims: Aims; rounds: MeasureOptions },
): Promise<Table> {
  console.error(`measuring: ${title}`)
  const measured = await measure(contenders, rounds)
  return { title, note, rows: measured.map((row) => ({ ...row, aim: aims[row.name] })) }
}

async function objectTables(): Promise<Table[]> {
  const tables: Table[] = []
  for (const signed of [false, true]) {
    const client = await clientBench(signed, PAYLOAD_BYTES)
    const aim = signed ? 0.9 : 0.5
    const aims = { [coreSeal(signed, 1).name]: aim, [coreOpen(signed, 1).name]: aim }
    const how = signed ? 'signed' : 'unsigned'
    const sealing = signed ? bareSign(PAYLOAD_BYTES) : bareEncrypt(PAYLOAD_BYTES)
    const opening = signed ? bareVerify(PAYLOAD_BYTES) : bareDecrypt(PAYLOAD_BYTES)
    const note =
      'Against the bare native call on the same bytes, into a buffer made before. By processor time.'
    tables.push(
      await table(`Seal ${PAYLOAD_BYTES} bytes, ${how}`, note, {
        contenders: [sealing, coreSeal(signed, PAYLOAD_BYTES), client.seal],
        aims,
        rounds: objectRounds,
      }),
      await table(`Open ${PAYLOAD_BYTES} bytes, ${how}`, note, {
        contenders: [opening, coreOpen(signed, PAYLOAD_BYTES), client.open],
        aims,
        rounds: objectRounds,
      }),
    )
    await client.close()
  }
  return tables
}

async function grantTables(): Promise<Table[]> {
  const note =
    'To read from now on: 21 nodes. With the credential and both keys of the producer’s card in it. ' +
    'Of one core, by processor time.'
  const rounds = { ...objectRounds, blockMs: 50 }
  const makers = [bareGrantCalls(), await coreGrant('x25519'), await coreGrant('x-wing')]
  const takers = [bareTakingCalls(), await coreTaking('x25519'), await coreTaking('x-wing')]
  return [
    await table('Make a grant', note, { contenders: makers, aims: {}, rounds }),
    await table('Take a grant', note, { contenders: takers, aims: {}, rounds }),
  ]
}

async function threadTables(): Promise<Table[]> {
  const bench = await threadsBench(1)
  const note =
    'Memory store, 256 bytes, each message acknowledged or read. By the clock: the machine needs a ' +
    'core to spare.'
  const rounds = { rounds: values.quick ? 5 : 15, blockMs: 200 }
  const [, live] = bench.live
  const [, archive] = bench.archive
  try {
    return [
      await table('Read a signed stream live', note, {
        contenders: bench.live,
        aims: { [live?.name ?? '']: 1.7 },
        rounds,
      }),
      await table('Read a signed archive', note, {
        contenders: bench.archive,
        aims: { [archive?.name ?? '']: 1.8 },
        rounds,
      }),
    ]
  } finally {
    await bench.close()
  }
}

async function pathTables(): Promise<Table[]> {
  if (!mosquittoAvailable()) {
    console.error('skipped: publish to handler needs Mosquitto, which is not on this machine')
    return []
  }
  return [await pathTable(1), await pathTable(0)]
}

async function pathTable(qos: 0 | 1): Promise<Table> {
  const path = await pathBench('mqtt', qos)
  try {
    const acknowledged = qos === 1 ? 'acknowledged' : 'handled'
    const note =
      `Over Mosquitto, QoS ${qos}, two processes, 256 bytes, 256 publishes under way at once, each ` +
      `message ${acknowledged} by its handler. Against MQTT.js alone in the same shape, by the clock ` +
      'and by the processor time of both ends.'
    const aims = {
      'unsigned, memory store': 0.8,
      'signed, memory store': 0.3,
      'signed in batches, memory store': 0.5,
    }
    const { contenders } = path
    return await table(`Publish to handler, QoS ${qos}`, note, {
      contenders,
      aims,
      rounds: pathRounds,
    })
  } finally {
    await path.close()
  }
}

async function queueTables(): Promise<Table[]> {
  const tables: Table[] = []
  if (rabbitmqAvailable()) tables.push(await queueTable('amqp'))
  else console.error('skipped: AMQP needs RabbitMQ, which is not on this machine')
  if (natsAvailable()) tables.push(await queueTable('nats'))
  else console.error('skipped: JetStream needs nats-server, which is not on this machine')
  return tables
}

const QUEUES = {
  amqp: {
    title: 'Publish to handler, AMQP 0-9-1',
    over: 'RabbitMQ, a durable queue, each publish confirmed',
    aims: {
      'unsigned, memory store': 0.7,
      'signed in batches, memory store': 0.7,
      'signed, memory store': 0.3,
    },
  },
  nats: {
    title: 'Publish to handler, JetStream',
    over: 'nats-server, a stream in a file, each publish acknowledged',
    aims: { 'unsigned, memory store': 0.6 },
  },
}

async function queueTable(carrier: 'amqp' | 'nats'): Promise<Table> {
  const path = await pathBench(carrier)
  const { title, over, aims } = QUEUES[carrier]
  try {
    const note =
      `Over ${over}, two processes, 256 bytes, 256 publishes under way at once, each message ` +
      'acknowledged by its handler. Against the bare client library in the same shape, by the clock ' +
      'and by the processor time of both ends.'
    return await table(title, note, { contenders: path.contenders, aims, rounds: pathRounds })
  } finally {
    await path.close()
  }
}

async function coapTables(): Promise<Table[]> {
  const bytes = 64
  const oscore = oscoreExchange(bytes)
  const calls = await table(
    `OSCORE, ${bytes} bytes`,
    'Against the calls of `node:crypto` that it cannot do without, on the same bytes. By processor time.',
    { contenders: [bareCcm(bytes), oscore], aims: { [oscore.name]: 0.5 }, rounds: objectRounds },
  )
  const udp = await udpBench(bytes)
  try {
    const [, , byCcm, byChaCha] = udp.contenders
    const exchanges = await table(
      `CoAP over UDP, ${bytes} bytes there and back`,
      'Client and server in one process on loopback, 64 requests under way at once. By processor time.',
      {
        contenders: udp.contenders,
        aims: { [byCcm?.name ?? '']: 0.6, [byChaCha?.name ?? '']: 0.6 },
        rounds: { ...pathRounds, blockMs: 200, byProcessorTime: true },
      },
    )
    return [calls, exchanges]
  } finally {
    await udp.close()
  }
}

if (values.write && positionals.length > 0) throw new RangeError('--write wants all parts')
const wants = (part: string): boolean => positionals.length === 0 || positionals.includes(part)
const tables = [
  ...(wants('objects') ? await objectTables() : []),
  ...(wants('grants') ? await grantTables() : []),
  ...(wants('threads') ? await threadTables() : []),
  ...(wants('path') ? await pathTables() : []),
  ...(wants('queues') ? await queueTables() : []),
  ...(wants('coap') ? await coapTables() : []),
]
const peers = wants('peers') ? await peerTables(peerRounds) : []
const host = machine()
const json = `${JSON.stringify({ machine: host, tables, peers }, null, 2)}\n`
const plot = peers.length === 0 ? undefined : peersPlot(peers)
const beside = peers.length === 0 ? '' : `\n${peersMarkdown(peers, PLOT_NAME)}\n`
const markdown = toMarkdown(tables, host) + beside
console.log(values.json ? json : markdown)
saveResult('bench.md', markdown)
if (plot !== undefined) saveResult(PLOT_NAME, plot)
console.error(`kept: ${saveResult('bench.json', json)}`)
if (values.write) {
  const head = '# Benchmarks\n\nMade by `npm run bench -- --write`; not written by hand.\n\n'
  writeFileSync(PAGE, head + markdown)
  if (plot !== undefined) writeFileSync(PLOT, plot)
}
for (const missed of [...missedAims(tables), ...missedPeerAims(peers)]) {
  console.error(`aim missed: ${missed}`)
}
