// SPDX-License-Identifier: Apache-2.0
/** The contract over multicast on the loopback interface. */
import { udpTransport } from '@waxwing/udp'
import { describeTransport } from '@waxwing/testkit'
import { loopbackOptions } from './loopback.ts'

const NO_INTERMEDIARY = 'a group has no intermediary that would keep anything'

describeTransport(
  'UDP multicast',
  async () => {
    const options = loopbackOptions()
    return {
      open: () => udpTransport({ ...options, record: { serve: true } }),
      maxUnacknowledged: options.maxUnacknowledged,
    }
  },
  {
    large: 'a message is a datagram; larger payloads go in pieces',
    properties: 'datagrams have no properties',
    sessions: NO_INTERMEDIARY,
    redelivered: NO_INTERMEDIARY,
    interruption: 'what is lost on a group is lost',
    vanishing: NO_INTERMEDIARY,
    groups: 'over UDP nobody shares a subscription out',
    'group-handover': 'over UDP nobody shares a subscription out',
    rejection: NO_INTERMEDIARY,
    restart: NO_INTERMEDIARY,
  },
)
