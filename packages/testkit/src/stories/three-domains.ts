// SPDX-License-Identifier: Apache-2.0
/**
 * Story 4: three organisations share one broker. Each sees its own streams and what the others
 * granted it, and nothing else.
 *
 * @module
 */

import { expect } from 'vitest'
import { Collector, settle, waitFor, type Device, type World } from './world.js'

const NAMES = ['alpha', 'beta', 'gamma'] as const

export async function threeDomains(world: World): Promise<void> {
  const made = await Promise.all(NAMES.map((name) => world.domain(name)))
  const domains = made.map(({ domain }) => domain)
  // Each lets in the other two, for names below their own alone.
  for (const own of domains) {
    for (const other of domains) {
      if (own === other) continue
      await own.addPartner({
        ...own.readPartnerCard(other.partnerCard()),
        patterns: [`${other.name}/#`],
      })
    }
  }
  const producers: Device[] = []
  const readers: Device[] = []
  for (const domain of domains) {
    const { name } = domain
    const decide = ({ principal }: { principal: { name: string } }) =>
      decideFor(name, principal.name)
    const terms = { produces: [`${name}/#`] }
    producers.push(await world.device(domain, `${name}-sensor`, terms, { decide }))
    readers.push(await world.device(domain, `${name}-desk`))
  }
  const collectors = await Promise.all(
    readers.map(({ endpoint }) => Collector.start(endpoint.reader('+/data'))),
  )
  for (const [i, { endpoint }] of producers.entries()) {
    const producer = await endpoint.producer(`${NAMES[i] ?? ''}/data`)
    await producer.publish(`secret of ${NAMES[i] ?? ''}`)
  }
  await waitFor(() => collectors.every(({ texts }) => texts.length > 0), 'each reads its own')
  await collectors[1]?.until(2)
  await settle()
  expect(collectors.map(({ texts }) => texts.toSorted())).toEqual([
    ['secret of alpha'],
    ['secret of alpha', 'secret of beta'],
    ['secret of gamma'],
  ])
}

/** Each grants its own desk; alpha also grants beta's. */
function decideFor(owner: string, asker: string): { kind: 'grant'; terms: object } | Denied {
  const allowed = asker.startsWith(owner) || (owner === 'alpha' && asker === 'beta-desk')
  if (allowed) return { kind: 'grant', terms: {} }
  return { kind: 'deny', code: 'not-authorized', retrySeconds: 3600 }
}

interface Denied {
  readonly kind: 'deny'
  readonly code: 'not-authorized'
  readonly retrySeconds: number
}
