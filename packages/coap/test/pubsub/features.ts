// SPDX-License-Identifier: Apache-2.0
/** What a CoAP broker does not offer, and why, for the contract suite. */

import type { TransportFeatures } from '@waxwing/testkit'

const EVERY: TransportFeatures = {
  properties: 'a CoAP broker keeps no properties',
  sessions: 'a CoAP broker knows no sessions: what it keeps comes again at each start',
  vanishing: 'a CoAP broker knows no sessions, and nobody of whom something would be left',
  groups: 'a CoAP broker knows no groups',
  rejection: 'a CoAP broker has no place for what was rejected',
  credit: 'a CoAP broker waits for the acknowledgement of a datagram, not of its handling',
  history: 'a CoAP broker keeps the newest message of an address, and no history',
  restart: 'a CoAP broker keeps what it has in memory',
}

export const FEATURES: Readonly<Record<'newest' | 'every', TransportFeatures>> = {
  every: EVERY,
  newest: {
    ...EVERY,
    'every-message': 'observation passes over what is replaced soon (RFC 7641)',
    empty: 'a topic-data resource without bytes is one to which nothing was published',
  },
}
