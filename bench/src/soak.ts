// SPDX-License-Identifier: Apache-2.0
/**
 * `npm run soak`: what the tests try for seconds, tried for long. `-- crashes archive parked outages files floods bytes
 * datagrams readers twin decoders` runs only those named; `--short` takes the counts of the tests. The summary is kept in
 * `bench/results`, and the status is 1 if anything did not hold.
 *
 * `twin` goes on for `--minutes`, from a `--seed` or a random one; what it finds is shown again by
 * the `--only`, `--seed` and `--path` that it tells.
 *
 * @module
 */

import { parseArgs } from 'node:util'
import { startMosquitto } from '@waxwing/testkit'
import { LONG_OUTAGES, SHORT_OUTAGES } from '@waxwing/testkit/outages'
import { AGREEMENTS } from '../../packages/core/test/twin/agreements.ts'
import { runAnyBytes } from './any-bytes.ts'
import { runArchiveMemory } from './archive-memory.ts'
import { runCrashRounds } from './crashes/rounds.ts'
import type { DatagramReport } from './datagrams.ts'
import { FLOOD_RATES, runFloods } from './floods.ts'
import { runHostileSoak } from './hostile/hostile-soak.ts'
import { runManyReaders } from './many-readers.ts'
import { mosquittoNet } from './mosquitto-net.ts'
import { runAllOutages } from './outages.ts'
import { runParked } from './parked.ts'
import { runLargeFiles } from './large-files.ts'
import { machine, RESULTS, saveResult } from './report.ts'
import { runTwin, sumOf } from './twin.ts'
import { Worker } from './worker.ts'

const MAX_MIB = { archive: 200, flood: 400, datagrams: 300 }
/** Beside what is under way: pieces that one connection may hand over, and those of the one that broke. */
const MAX_FILES_MIB = 100
const PIECES_IN_HAND = 2 * 64
const MAX_ANEW_SECONDS = 10
/** Of heap, for each parked object. */
const MAX_PARKED_BYTES = 200
const MAX_LEFT_MIB = 16
const MAX_KEY_PERCENT = 1
const HOSTILE_COUNTS = {
  long: { executions: 5_000_000, messages: 50_000, records: 20_000, files: 5_000 },
  short: { executions: 50_000, messages: 1_000, records: 300, files: 150 },
}

interface Outcome {
  /** What was done and measured, in one line. */
  readonly summary: string
  /** What did not hold. */
  readonly problems: readonly string[]
  readonly report: unknown
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    short: { type: 'boolean', default: false },
    minutes: { type: 'string' },
    seed: { type: 'string' },
    path: { type: 'string' },
    only: { type: 'string' },
  },
})
const isLong = !values.short

const TASKS: Readonly<Record<string, () => Promise<Outcome>>> = {
  async crashes() {
    const rounds = isLong ? 500 : 20
    const seed = Number(values.seed ?? Date.now() % 2 ** 31)
    const report = await runCrashRounds({
      rounds,
      seed,
      maxRoundMs: 1000,
      keepIn: RESULTS,
      progress: say,
    })
    const { lives, published, read, again, generations, full, shuffled, seconds } = report
    const summary =
      `${rounds} rounds in ${seconds.toFixed()} s from seed ${seed}: ${lives.producer} lives of the ` +
      `producer, ${lives.reader} of the reader; ${published} published in ${generations} generations, ` +
      `${read} read, ${again} came again; ${full.producer} and ${full.reader} times no room; ` +
      `${report.tears} torn journals; the broker brought ${shuffled} in another order than it had them`
    return { summary, problems: report.problems, report }
  },
  async archive() {
    const objects = isLong ? 1_000_000 : 100_000
    const report = await runArchiveMemory({ objects, progress: say })
    const { opened, archiveMiB, seconds, keySeconds, grantSeconds, peakMiB } = report
    const keyShare = (100 * (keySeconds + grantSeconds)) / seconds
    const problems = [
      ...(opened === objects ? [] : [`${opened} of ${objects} objects opened`]),
      ...(peakMiB < MAX_MIB.archive ? [] : [`${peakMiB.toFixed()} MiB of memory`]),
      ...(keyShare < MAX_KEY_PERCENT || !isLong ? [] : [`${keyShare.toFixed(1)} % went into keys`]),
    ]
    const summary =
      `${opened} objects (${archiveMiB.toFixed()} MiB) opened in ${seconds.toFixed()} s, ` +
      `${keyShare.toFixed(3)} % of it for keys and their grant, ` +
      `at most ${peakMiB.toFixed()} MiB of memory`
    return { summary, problems, report }
  },
  async parked() {
    const report = await runParked(isLong ? 100_000 : 2_000)
    const { objects, handedOver, memory, bytesEach, leftMiB, parkSeconds, drainSeconds } = report
    const rss = Math.max(...memory.map(({ rssMiB }) => rssMiB))
    const problems = [
      ...(handedOver === objects ? [] : [`${handedOver} of ${objects} objects handed over`]),
      ...(bytesEach < MAX_PARKED_BYTES || !isLong ? [] : [`${bytesEach.toFixed()} bytes each`]),
      ...(leftMiB < MAX_LEFT_MIB ? [] : [`${leftMiB.toFixed()} MiB left behind`]),
    ]
    const summary =
      `${objects} objects parked in ${parkSeconds.toFixed()} s, ${bytesEach.toFixed()} bytes of heap ` +
      `each; handed over in ${drainSeconds.toFixed()} s, ${leftMiB.toFixed(1)} MiB of heap more than ` +
      `before; at most ${rss.toFixed()} MiB of memory`
    return { summary, problems, report }
  },
  async floods() {
    const report = await runFloods({ seconds: isLong ? 120 : 4, rates: FLOOD_RATES })
    const { sent, before, after, newcomerSeconds, newcomerOpened } = report
    const problems = [
      ...(after.opened >= after.published ? [] : ['genuine objects were not opened']),
      ...(newcomerOpened > 0 ? [] : ['the newcomer opened nothing']),
      ...(after.peakMiB < MAX_MIB.flood ? [] : [`${after.peakMiB.toFixed()} MiB of memory`]),
    ]
    const { seconds: sentFor, ...counts } = sent
    const total = Object.values(counts).reduce((sum, count) => sum + count, 0)
    const summary =
      `${total} messages in ${sentFor.toFixed()} s, ${after.refused - before.refused} refused ` +
      `one by one; a newcomer read after ${newcomerSeconds.toFixed(1)} s; ${after.opened} of ` +
      `${after.published} opened; at most ${after.peakMiB.toFixed()} MiB of memory`
    return { summary, problems, report }
  },
  async bytes() {
    const broker = await startMosquitto()
    const net = await mosquittoNet(broker.url)
    const seed = Date.now() % 2 ** 31
    const report = await runAnyBytes(net, isLong ? 100_000 : 500, seed, say)
    await net.close()
    await broker.close()
    const kinds = Object.entries(report.events).map(([type, count]) => `${count} ${type}`)
    const summary = `${report.sent} sent: ${kinds.join(', ')}, ${report.repeated} repetitions`
    return { summary, problems: report.problems, report }
  },
  async datagrams() {
    const seed = Number(values.seed ?? Date.now() % 2 ** 31)
    const count = isLong ? 1_000_000 : 20_000
    const worker = new Worker(new URL('datagrams-process.ts', import.meta.url))
    const report = await worker.call<DatagramReport>('run', { count, seed })
    await worker.kill()
    const { sent, received, handled, most, peakMiB, seconds } = report
    const problems = [
      ...report.problems,
      ...(peakMiB < MAX_MIB.datagrams ? [] : [`${peakMiB.toFixed()} MiB of memory`]),
    ]
    const kept = Object.entries(most).map(([name, value]) => `${value} ${name}`)
    const summary =
      `${sent} datagrams in ${seconds.toFixed()} s from seed ${seed}: ${handled} reached the handler, ` +
      `${received} came back; kept at the most: ${kept.join(', ')}; ` +
      `at most ${peakMiB.toFixed()} MiB of memory`
    return { summary, problems, report }
  },
  async outages() {
    const plan = isLong ? LONG_OUTAGES : SHORT_OUTAGES
    const reports = await runAllOutages({ ...plan, progress: say })
    const all = Object.entries(reports)
    const problems = all.flatMap(([name, report]) =>
      report.problems.map((each) => `${name}: ${each}`),
    )
    const lines = all.map(
      ([name, { published, handedOver, redelivered, longestMs, seconds }]) =>
        `${name}: ${published} published, ${handedOver} handed over (${redelivered} of them redelivered), ` +
        `the longest way ${(longestMs / 1000).toFixed(1)} s, in ${seconds.toFixed()} s`,
    )
    const summary = `${plan.stops} stops and ${plan.cuts} cuts; ${lines.join('; ')}`
    return { summary, problems, report: reports }
  },
  async files() {
    const mebibytes = isLong ? 200 : 16
    const reports = await runLargeFiles({ mebibytes, cuts: isLong ? 10 : 2, progress: say })
    const all = Object.entries(reports)
    const problems = all.flatMap(([name, { pieces, problems: found, senderMiB, readerMiB }]) => {
      const most = MAX_FILES_MIB + (PIECES_IN_HAND * mebibytes) / pieces
      return [...found, ...(Math.max(senderMiB, readerMiB) <= most ? [] : [`${name}: memory grew`])]
    })
    const lines = all.map(
      ([name, { pieces, doubled, seconds, senderMiB, readerMiB }]) =>
        `${name}: ${pieces} pieces (${doubled} doubled) in ${seconds.toFixed(1)} s, the sender grew by ` +
        `${senderMiB.toFixed()} MiB, the reader by ${readerMiB.toFixed()} MiB`,
    )
    return { summary: `${mebibytes} MiB; ${lines.join('; ')}`, problems, report: reports }
  },
  async readers() {
    const readers = isLong ? 10_000 : 100
    const reports = []
    for (const kem of ['x25519', 'x-wing'] as const) {
      reports.push(await runManyReaders({ readers, kem, progress: say }))
    }
    const problems = reports.flatMap((report) => [
      ...report.problems,
      ...(report.anewSeconds <= MAX_ANEW_SECONDS ? [] : [`${report.kem}: not within 10 s`]),
    ])
    const lines = reports.map(
      ({ kem, anewSeconds, anewCpuSeconds, askedSeconds, takingMs, grantBytes }) =>
        `${kem}: granted anew in ${anewSeconds.toFixed(1)} s (processor ` +
        `${anewCpuSeconds.toFixed(1)} s), all who asked answered in ${askedSeconds.toFixed(1)} s, ` +
        `${grantBytes} bytes, taken in ${takingMs.toFixed(1)} ms`,
    )
    return { summary: `${readers} readers; ${lines.join('; ')}`, problems, report: reports }
  },
  async twin() {
    const { minutes = isLong ? '10' : '0', seed = `${Date.now() % 2 ** 31}`, path, only } = values
    const asked = AGREEMENTS.filter(({ name }) => only === undefined || name === only)
    if (asked.length === 0) throw new RangeError(`there is no agreement "${only}"`)
    const inputs = { seconds: 60 * Number(minutes), seed: Number(seed), path, progress: say }
    const report = runTwin(asked, inputs)
    const { cases, rounds, seconds, problems } = report
    const summary =
      `${sumOf(cases)} cases in ${rounds} rounds and ${seconds.toFixed()} s from seed ${seed}: ` +
      Object.entries(cases)
        .map(([name, count]) => `${count} ${name}`)
        .join(', ')
    return { summary, problems, report }
  },
  decoders() {
    const counts = isLong ? HOSTILE_COUNTS.long : HOSTILE_COUNTS.short
    const seed = Number(values.seed ?? Date.now() % 2 ** 31)
    return runHostileSoak({ ...counts, seed, progress: say })
  },
}

function say(line: string): void {
  console.error(`${new Date().toISOString().slice(11, 19)} ${line}`)
}

const wanted = positionals.length === 0 ? Object.keys(TASKS) : positionals
const outcomes: Record<string, Outcome> = {}
for (const name of wanted) {
  const task = TASKS[name]
  if (task === undefined) throw new RangeError(`there is no soak "${name}"`)
  say(`${name} begins`)
  outcomes[name] = await task()
  say(`${name}: ${outcomes[name].summary}`)
}

console.log('Soak:')
for (const [name, { summary, problems }] of Object.entries(outcomes)) {
  console.log(`${problems.length === 0 ? 'ok  ' : 'FAIL'} ${name.padEnd(8)} ${summary}`)
  for (const problem of problems.slice(0, 20)) console.log(`     ${problem}`)
}
const json = `${JSON.stringify({ machine: machine(), outcomes }, null, 2)}\n`
console.log(`kept: ${saveResult('soak.json', json)}`)
process.exitCode = Object.values(outcomes).some(({ problems }) => problems.length > 0) ? 1 : 0
