// SPDX-License-Identifier: Apache-2.0
/** Readers in processes of their own that share a subscription and a store, which are killed. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Domain, memoryStore, openEndpoint, type Producer } from '@waxwing/client'
import { mqttTransport } from '@waxwing/mqtt'
import { sqliteStore } from '@waxwing/store-sqlite'
import { mosquittoAvailable, requireOrSkip, startMosquitto } from '@waxwing/testkit'
import { expect, it, onTestFinished } from 'vitest'

const describeWithMosquitto = requireOrSkip('mosquitto', mosquittoAvailable())
const STREAM = 'plant/1'
const KEY = { keyBytes: new Uint8Array(32).fill(1) }
const COUNT = 300
/** Each of these is in pieces. */
const EVERY = 25

interface Handled {
  /** The process. */
  readonly by: number | undefined
  readonly what: 'got' | 'done'
  readonly text: string
  readonly redelivered: boolean
  /** When it was asked for, or done, in milliseconds of the machine's clock. */
  readonly at: number
}

const nameOf = (number: number): string => `no ${String(number).padStart(5, '0')}`

describeWithMosquitto('readers in two processes, each of which is killed', () => {
  it('lose nothing, and hand over nothing that either had acknowledged', async () => {
    const { url, producer, path } = await stage()
    const handled: Handled[] = []
    const inHand: string[] = []
    const open = (clientId: string): Promise<ChildProcess> =>
      openDesk({ url, path, clientId }, handled)
    const desks = new Map([
      ['one', await open('one')],
      ['two', await open('two')],
    ])
    const doneCount = (): number => handled.filter(({ what }) => what === 'done').length
    const bothWereKilled = Promise.withResolvers<void>()
    const published = publishAll(producer, bothWereKilled.promise)
    for (const [i, [clientId, desk]] of [...desks].entries()) {
      await expect.poll(doneCount, { interval: 1 }).toBeGreaterThan((COUNT / 4) * (i + 1))
      desk.kill('SIGKILL')
      await once(desk, 'close')
      inHand.push(...handed(handled, desk))
      expect(doneCount()).toBeLessThan(COUNT)
      desks.set(clientId, await open(clientId))
    }
    bothWereKilled.resolve()
    await published
    // What one had in hand it may have acknowledged, and died before it could say so.
    const doneTexts = (): Set<string> =>
      new Set([...inHand, ...handled.flatMap(({ what, text }) => (what === 'done' ? [text] : []))])
    await expect.poll(() => doneTexts().size).toBe(COUNT)
    expect(inHand.length).toBeLessThanOrEqual(desks.size)
    expect(problemsIn(handled)).toEqual([])
  }, 120_000)
})

/** What a process was handed last, if it did not say that this is done. */
function handed(handled: readonly Handled[], { pid }: ChildProcess): string[] {
  const last = handled.findLast(({ by }) => by === pid)
  return last?.what === 'got' ? [last.text] : []
}

/** What came to who asked after it was acknowledged, or twice as if each were the first. */
function problemsIn(handled: readonly Handled[]): string[] {
  const doneAt = new Map<string, number>()
  for (const { what, text, at } of handled) {
    if (what === 'done') doneAt.set(text, Math.min(at, doneAt.get(text) ?? Infinity))
  }
  const unmarked = new Set<string>()
  const problems: string[] = []
  for (const { text, redelivered, at } of handled.filter(({ what }) => what === 'got')) {
    if (at > (doneAt.get(text) ?? Infinity)) problems.push(`${text} came again`)
    if (!redelivered && unmarked.has(text)) problems.push(`${text} came as if it were new`)
    if (!redelivered) unmarked.add(text)
  }
  return problems
}

/** Leaves some for the end: nobody is killed when all is done. */
async function publishAll(producer: Producer, beforeLast: Promise<void>): Promise<void> {
  for (let number = 0; number < COUNT; number++) {
    if (number === COUNT - EVERY) await beforeLast
    const text = number % EVERY === 0 ? 'x'.repeat(3000) + nameOf(number) : nameOf(number)
    const pieceBytes = 200
    if (text.length <= pieceBytes) await producer.publish(text)
    else await producer.publishFrom([new TextEncoder().encode(text)], { pieceBytes })
  }
}

/** A producer, and a store of a reader that has its keys. */
async function stage(): Promise<{ url: string; producer: Producer; path: string }> {
  const broker = await startMosquitto()
  onTestFinished(() => broker.close())
  const folder = mkdtempSync(join(tmpdir(), 'waxwing-desks-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const { url } = broker
  const path = join(folder, 'desks.db')
  const domain = await Domain.create({ name: 'plant', store: memoryStore(), recovery: false })
  const plant = await openEndpoint({
    store: memoryStore(),
    transport: mqttTransport({ url }),
    decide: (request) => request.grant(),
  })
  onTestFinished(() => plant.close())
  const admission = await domain.admit(await plant.enrolment(), { produces: [STREAM] })
  await plant.admit(admission, { domainId: domain.id })
  const producer = await plant.producer(STREAM)
  const store = sqliteStore(path, { key: KEY })
  const desk = await openEndpoint({ store, transport: mqttTransport({ url }) })
  await desk.admit(await domain.admit(await desk.enrolment()), { domainId: domain.id })
  const reader = desk.reader(STREAM)
  await reader.start()
  await producer.publish('the first, for the sake of the keys')
  for await (const message of reader) {
    await message.acknowledge()
    break
  }
  await desk.close()
  await store.close()
  return { url, producer, path }
}

async function openDesk(
  { url, path, clientId }: { url: string; path: string; clientId: string },
  handled: Handled[],
): Promise<ChildProcess> {
  const script = fileURLToPath(new URL('desk.ts', import.meta.url))
  const inputs = { options: { url, clientId }, path, filter: `$share/desks/${STREAM}` }
  const child = spawn(process.execPath, [script, JSON.stringify(inputs)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const ready = Promise.withResolvers<void>()
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line === 'ready') ready.resolve()
    else handled.push({ by: child.pid, ...handledFrom(line) })
  })
  await ready.promise
  return child
}

function handledFrom(line: string): Omit<Handled, 'by'> {
  const [, what, text = '', redelivered, at] =
    /^(got|done) (no \d+)(?: (true|false))? ([\d.]+)$/.exec(line) ?? []
  if (what !== 'got' && what !== 'done') throw new Error(`unexpected: ${line}`)
  return { what, text, redelivered: redelivered === 'true', at: Number(at) }
}
