// SPDX-License-Identifier: Apache-2.0
/**
 * The checks of `waxwing doctor`, one after the other, each with what to do.
 *
 * @module
 */

import { randomUUID } from 'node:crypto'
import { type Transport, trustAddress, utf8, WaxwingError } from '@waxwing/core'
import type { Endpoint } from '@waxwing/client'
import { kindOfBroker, protocolOf } from './broker/broker.js'
import { carriage, mediumFinding } from './broker/medium-finding.js'
import { DEFAULT_BROKER } from './broker/url.js'
import type { Context } from './context.js'
import { openDomain } from './domain-home.js'
import type { Finding } from './finding.js'
import { hintFor } from './hints.js'
import { assertNotRevoked, ownRevocation } from './identity-text.js'
import { checkPublished } from './published-trust.js'
import { formatDuration, formatTime } from './times.js'

/** No clock that is right shows a time before this was written. */
const BUILT_MS: number = Date.UTC(2026, 0, 1)
const SOON_SECONDS = 604_800
const PROBE_TIMEOUT_MS = 5000

export async function* runChecks(context: Context): AsyncGenerator<Finding> {
  yield checkClock()
  const endpoint = yield* checkHome(context)
  yield* checkBroker(context, endpoint)
}

function checkClock(): Finding {
  const now = new Date()
  const found = formatTime(now, 'second')
  if (now.getTime() >= BUILT_MS) return { check: 'clock', state: 'good', found }
  const error = new WaxwingError('ERR_CLOCK', 'the clock is wrong')
  return { check: 'clock', state: 'bad', found, advice: 'set the clock of this machine', error }
}

/** Returns the endpoint, where there is one that can be opened. */
async function* checkHome(context: Context): AsyncGenerator<Finding, Endpoint | undefined> {
  const { home } = context
  if (home.has('domain')) yield await checkDomain(context)
  if (!home.has('store')) {
    if (!home.has('domain') && !home.has('recovery')) yield nobodyHome(context)
    return undefined
  }
  let endpoint: Endpoint
  try {
    const store = await context.openStore()
    await store.verify()
    endpoint = await context.openEndpoint({ part: 'offline' })
  } catch (error) {
    yield failed('store', error)
    return undefined
  }
  yield { check: 'store', state: 'good', found: home.path('store.db') }
  yield {
    check: 'identity',
    state: 'good',
    found: `${endpoint.name} (${endpoint.id.slice(0, 12)}…)`,
  }
  yield* checkMembership(endpoint)
  return endpoint
}

function nobodyHome({ home }: Context): Finding {
  const found = `none in ${home.folder}`
  const error = new WaxwingError('ERR_KEY_UNKNOWN', `there is no identity in ${home.folder}`)
  return { check: 'identity', state: 'bad', found, advice: 'waxwing id create --name NAME', error }
}

/** Of a domain that this home runs, what runs out is its bundle. */
async function checkDomain(context: Context): Promise<Finding> {
  try {
    const domain = await openDomain(context)
    const advice = 'waxwing domain renew --publish'
    const finding = expiry('domain', domain.bundleExpires, Date.now() / 1000, advice)
    return { ...finding, found: `${domain.name}, its bundle ${finding.found}` }
  } catch (error) {
    return failed('domain', error)
  }
}

function* checkMembership(endpoint: Endpoint): Generator<Finding> {
  const { identity, trustBook, runtime } = endpoint.parts
  const now = runtime.time.now() / 1000
  yield* checkRevoked(endpoint)
  yield expiry('key card', identity.card.expires, now, 'it is renewed when waxwing runs')
  const expires = identity.credentialExpires
  if (expires === undefined) {
    const advice = 'waxwing id enrol --out FILE, to be admitted to a domain'
    yield { check: 'domain', state: 'warning', found: 'none yet', advice }
    return
  }
  yield expiry('credential', expires, now, 'enrol again: waxwing id enrol --out FILE')
  const { bundle } = trustBook.trust
  if (bundle === undefined) return
  const advice = 'whoever runs the domain: waxwing domain renew --publish'
  const finding = expiry('bundle', bundle.expires, now, advice)
  yield { ...finding, found: `version ${bundle.version}, ${finding.found}` }
}

function* checkRevoked(endpoint: Endpoint): Generator<Finding> {
  try {
    assertNotRevoked(endpoint)
  } catch (error) {
    yield failed('revoked', error)
  }
}

async function* checkBroker(
  context: Context,
  endpoint: Endpoint | undefined,
): AsyncGenerator<Finding> {
  const { broker = DEFAULT_BROKER } = context.config
  let transport: Transport
  try {
    transport = await context.connect()
  } catch (error) {
    yield failed('broker', error)
    return
  }
  yield { check: 'broker', state: 'good', found: `${broker}, ${protocolOf(context.config)}` }
  const medium = mediumFinding(context.config.broker)
  if (medium !== undefined) yield medium
  // A broker of CoAP keeps the newest message of each topic: that is all it does.
  else if (kindOfBroker(broker) !== 'coap') yield await checkRetained(transport)
  yield carriage(transport)
  if (endpoint === undefined) return
  const wasRevoked = ownRevocation(endpoint) !== undefined
  const published = await checkPublished(endpoint, transport)
  if (published !== undefined) yield published
  if (!wasRevoked) yield* checkRevoked(endpoint)
}

/** Grants that are left for somebody, and trust bundles, live on retained messages. */
async function checkRetained(transport: Transport): Promise<Finding> {
  if (!transport.limits.retained) return notKept()
  const address = `${trustAddress(utf8('doctor'))}/${randomUUID()}`
  const check = 'retained'
  try {
    await transport.send(address, utf8('is this kept?'), { retained: true })
    const isKept = await Promise.race([arrives(transport, address), later(false)])
    await transport.send(address, new Uint8Array(0), { retained: true })
    if (isKept) return { check, state: 'good', found: 'the broker keeps messages for later' }
    return notKept()
  } catch (error) {
    return failed(check, error)
  }
}

function notKept(): Finding {
  const advice =
    'where it can, let it keep retained messages: grants unasked and trust bundles need them'
  return { check: 'retained', state: 'warning', found: 'the broker does not keep messages', advice }
}

async function arrives(transport: Transport, address: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    transport
      .subscribe(address, async (message) => {
        await message.acknowledge()
        resolve(true)
      })
      .catch(reject)
  })
}

function later<T>(value: T): Promise<T> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(value), PROBE_TIMEOUT_MS).unref()
  })
}

function expiry(check: string, expires: number, now: number, advice: string): Finding {
  const left = expires - now
  const until = formatTime(new Date(expires * 1000))
  if (left > SOON_SECONDS) return { check, state: 'good', found: `valid until ${until}` }
  if (left > 0) {
    return { check, state: 'warning', found: `ends in ${formatDuration(left)}`, advice }
  }
  const error = new WaxwingError('ERR_EXPIRED', `the ${check} expired ${until}`)
  return { check, state: 'bad', found: `expired ${until}`, advice, error }
}

function failed(check: string, error: unknown): Finding {
  const found = error instanceof Error ? error.message : String(error)
  const wrapped = error instanceof Error ? error : new Error(found)
  return { check, state: 'bad', found, advice: hintFor(error), error: wrapped }
}
