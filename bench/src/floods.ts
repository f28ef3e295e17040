// SPDX-License-Identifier: Apache-2.0
/**
 * Floods over Mosquitto (`docs/spec/07-granting.md` Section 7.2.4): malformed and falsely signed
 * requests, and junk under random, repeated and copied kids where data travels. In the midst of it
 * somebody comes who is new to the stream, asks for a key (Section 7.3.2), has to be granted it, and
 * reads; and everything genuine is still opened.
 *
 * @module
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { Domain, memoryStore, openEndpoint } from '@waxwing/client'
import { decodeObject, requestAddress } from '@waxwing/core'
import { mqttTransport } from '@waxwing/mqtt'
import { startMosquitto } from '@waxwing/testkit'
import type { FloodRates, FloodSent, FloodSetup } from './flood-process.ts'
import type { VictimState } from './flood-victim-process.ts'
import { Worker } from './worker.ts'

export interface FloodOptions {
  /** How long the flood goes on once the newcomer reads. */
  readonly seconds: number
  readonly rates: FloodRates
}

export interface FloodReport {
  readonly sent: FloodSent
  readonly before: VictimState
  readonly after: VictimState
  /** From somebody's first look at the stream, in the midst of the flood, to the first it opened. */
  readonly newcomerSeconds: number
  /** What the newcomer opened during the flood. */
  readonly newcomerOpened: number
}

export const FLOOD_RATES: FloodRates = {
  malformed: 10_000,
  forged: 1_000,
  strangeKids: 250,
  repeatedKids: 250,
  copiedKids: 250,
}

const STREAM = 'plant/1/level'
/** Its turn to ask is drawn: most likely it comes in seconds, with eight repeated kids in minutes. */
const NEWCOMER_TIMEOUT_MS = 600_000
/** How long a busy machine may take for what is done at once elsewhere. */
const PATIENCE_MS = 60_000
const LOOK_MS = 200
const QUIET: readonly string[] = ['max_queued_messages 0', 'log_type none', 'log_type information']

export async function runFloods(options: FloodOptions): Promise<FloodReport> {
  const broker = await startMosquitto({ config: QUIET })
  const victim = new Worker(new URL('./flood-victim-process.ts', import.meta.url))
  const flood = new Worker(new URL('./flood-process.ts', import.meta.url))
  try {
    const domain = await Domain.create({ store: memoryStore(), name: 'plant', recovery: false })
    const object = await openVictim(victim, domain, broker.url)
    const request = await lawfulRequest(domain, object)
    const before = await readingBegun(victim)
    await flood.call('start', setupOf({ url: broker.url, object, request }))
    await flood.call('setRates', options.rates)
    await sleep(1000)
    const newcomer = await watchNewcomer(domain, broker.url, options.seconds)
    const sent = await flood.call<FloodSent>('stop')
    const after = await afterwards(victim)
    return { sent, before, after, ...newcomer }
  } finally {
    await Promise.all([victim.kill(), flood.kill()])
    await broker.close()
  }
}

async function openVictim(victim: Worker, domain: Domain, url: string): Promise<Uint8Array> {
  const enrolments = await victim.call<Uint8Array[]>('open', url)
  const admissions = []
  for (const enrolment of enrolments) {
    admissions.push(await domain.admit(enrolment, { produces: ['plant/#'] }))
  }
  return victim.call<Uint8Array>('start', admissions)
}

/** A request as it travels unsealed, by somebody who belongs to the domain. */
async function lawfulRequest(domain: Domain, object: Uint8Array): Promise<Uint8Array> {
  const endpoint = await openEndpoint({ store: memoryStore(), name: 'forged' })
  await endpoint.admit(await domain.admit(await endpoint.enrolment()))
  const parked = await endpoint.reader(STREAM).open(object)
  await endpoint.close()
  if (parked.kind !== 'parked') throw new Error('what nobody granted must be parked')
  return parked.request
}

function setupOf({
  url,
  object,
  request,
}: {
  url: string
  object: Uint8Array
  request: Uint8Array
}): FloodSetup {
  const { kid } = decodeObject(object)
  const kidAt = kid.byteOffset - object.byteOffset
  const requestTopic = requestAddress(kid)
  return { url, requestTopic, dataTopic: STREAM, request, object, kidAt }
}

/** When the reader of the victim was granted its key. */
async function readingBegun(victim: Worker): Promise<VictimState> {
  const until = performance.now() + PATIENCE_MS
  for (;;) {
    const state = await victim.call<VictimState>('state')
    if (state.opened > 0) return state
    if (performance.now() > until) throw new Error('the reader of the victim opened nothing')
    await sleep(LOOK_MS)
  }
}

/** Comes new to the stream, and goes on for some seconds once it reads. */
async function watchNewcomer(
  domain: Domain,
  url: string,
  seconds: number,
): Promise<Pick<FloodReport, 'newcomerSeconds' | 'newcomerOpened'>> {
  const transport = mqttTransport({ url, clientId: 'newcomer' })
  const endpoint = await openEndpoint({ store: memoryStore(), transport, name: 'newcomer' })
  await endpoint.admit(await domain.admit(await endpoint.enrolment()))
  const started = performance.now()
  let opened = 0
  const first = Promise.withResolvers<void>()
  void (async () => {
    for await (const message of endpoint.reader(STREAM)) {
      opened++
      first.resolve()
      void message.acknowledge()
    }
  })()
  const giveUp = AbortSignal.timeout(NEWCOMER_TIMEOUT_MS)
  giveUp.addEventListener('abort', () => first.reject(new Error('the newcomer was not granted')))
  await first.promise
  const newcomerSeconds = (performance.now() - started) / 1000
  await sleep(seconds * 1000)
  await endpoint.close()
  return { newcomerSeconds, newcomerOpened: opened }
}

/** When everything that was on its way has come. */
async function afterwards(victim: Worker): Promise<VictimState> {
  let state = await victim.call<VictimState>('state')
  for (const until = performance.now() + PATIENCE_MS; performance.now() < until;) {
    await sleep(LOOK_MS)
    const next = await victim.call<VictimState>('state')
    // It goes on publishing: what was published before is what has to be open by now.
    if (next.refused === state.refused && next.opened >= state.published) {
      return { ...next, published: state.published }
    }
    state = next
  }
  return state
}
