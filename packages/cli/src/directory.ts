// SPDX-License-Identifier: Apache-2.0
/**
 * Who is there: what the principals of our domain, and of its partners, left in the broker about
 * themselves. A command that runs but once asks for it when it needs somebody that it does not know.
 *
 * @module
 */

import {
  decodeStatement,
  toHex,
  trustAddress,
  WaxwingError,
  type StatementType,
  type Transport,
  type TrustedPrincipal,
} from '@waxwing/core'
import type { Endpoint } from '@waxwing/client'
import { shortId } from './output.js'

const QUIET_MS = 400
const PATIENCE_MS = 5000

/** A credential says who the author of a card is, a bundle who may issue credentials. */
const ORDER: readonly StatementType[] = ['trust-bundle', 'credential', 'key-card']

/**
 * Finds a principal to grant something to.
 *
 * @param who - Name, id or beginning of the id.
 * @throws {WaxwingError} `ERR_KEY_UNKNOWN` if nobody fits.
 */
export async function findGrantee(endpoint: Endpoint, who: string): Promise<TrustedPrincipal> {
  const { trustBook, runtime } = endpoint.parts
  const found = (): TrustedPrincipal | undefined => {
    const principal = trustBook.findPrincipal(who)
    const card = principal && trustBook.cardOf(principal.id)
    return card !== undefined && card.expires * 1000 > runtime.time.now() ? principal : undefined
  }
  const known = found()
  if (known !== undefined) return known
  await learnFromBroker(endpoint)
  const learnt = found()
  if (learnt !== undefined) return learnt
  throw new WaxwingError('ERR_KEY_UNKNOWN', whyNobody(endpoint, who), { rule: 'grantee' })
}

/** Why nobody can be granted who is called so. */
function whyNobody({ parts }: Endpoint, who: string): string {
  const { trustBook } = parts
  const found = trustBook.findPrincipal(who)
  if (found !== undefined) {
    return trustBook.trust.revokedSince(found) === undefined
      ? `no valid key card of ${who} is held`
      : `${who} was revoked`
  }
  const namesakes = trustBook.known().filter(({ name }) => name === who)
  if (namesakes.length === 0) return `nobody whom this home trusts is called ${who}`
  const ids = namesakes.map(({ id }) => shortId(id)).join(', ')
  return `several are called ${who}; say the beginning of an id instead: ${ids}`
}

/** Takes what the broker keeps below the trust addresses. Without a broker, does nothing. */
export async function learnFromBroker(endpoint: Endpoint): Promise<void> {
  const { transport, trustBook } = endpoint.parts
  const { bundle } = trustBook.trust
  if (transport === undefined || bundle === undefined) return
  const domains = [bundle.domainId, ...bundle.partners.map(({ domainId }) => domainId)]
  await takeStatements(endpoint, await retainedStatements(transport, domains))
}

/** What the broker keeps of trust bundles, credentials and key cards of domains. */
export async function retainedStatements(
  transport: Transport,
  domains: readonly Uint8Array[],
): Promise<readonly Uint8Array[]> {
  const payloads: Uint8Array[] = []
  let quietSince = performance.now()
  for (const domainId of domains) {
    const subscription = await transport.subscribe(
      `${trustAddress(domainId)}/#`,
      async (message) => {
        payloads.push(message.payload)
        quietSince = performance.now()
        await message.acknowledge()
      },
    )
    const until = performance.now() + PATIENCE_MS
    while (performance.now() < Math.min(quietSince + QUIET_MS, until)) {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await subscription.close()
  }
  return payloads
}

/** Takes those that are authentic, bundles first. */
export async function takeStatements(
  endpoint: Endpoint,
  statements: readonly Uint8Array[],
): Promise<void> {
  for (const statement of sorted(statements)) await receiveQuietly(endpoint, statement)
}

function sorted(payloads: readonly Uint8Array[]): readonly Uint8Array[] {
  const typed = new Map<string, { rank: number; bytes: Uint8Array }>()
  for (const bytes of payloads) {
    const rank = rankOf(bytes)
    if (rank >= 0) typed.set(toHex(bytes), { rank, bytes })
  }
  return [...typed.values()].toSorted((a, b) => a.rank - b.rank).map(({ bytes }) => bytes)
}

function rankOf(bytes: Uint8Array): number {
  try {
    return ORDER.indexOf(decodeStatement(bytes).type)
  } catch {
    return -1
  }
}

/** Anybody can leave anything in a broker: what is refused is no failure of the command. */
async function receiveQuietly(endpoint: Endpoint, statement: Uint8Array): Promise<void> {
  try {
    await endpoint.receive(statement)
  } catch (error) {
    if (!(error instanceof WaxwingError)) throw error
  }
}
