// SPDX-License-Identifier: Apache-2.0
/**
 * Mediums that are no brokers, in URLs: their schemes, and the settings in their queries.
 *
 * @module
 */

import type { KindOfBroker, Medium } from './kinds.js'

const PEERS = 'ID:WHERE,… where principals are reached that have not written yet'

export const MEDIUMS: Readonly<Record<Medium, KindOfBroker>> = {
  mail: {
    schemes: ['mails', 'mail'],
    settings: {
      smtp: 'HOST:PORT of the server for what is sent, or smtp://HOST:PORT for STARTTLS; default: the same host',
      from: 'MAILBOX of our own; default: the user name',
      to: 'MAILBOX,… where data go',
      peers: PEERS.replace('WHERE', 'MAILBOX'),
      history: 'FOLDER that `history` reads; default: that of the URL',
      afterwards: 'flag (default), move or delete: what becomes of a mail that was taken',
      rejected: 'FOLDER for mails that nobody can use',
      'smtp-user':
        'user name at the SMTP server, where it has another; its password: WAXWING_SMTP_PASSWORD',
    },
  },
  sms: {
    schemes: ['smpps', 'smpp'],
    settings: {
      source: 'NUMBER of our own, such as +4917012345; must be said',
      to: 'NUMBER,… where data go that have other addresses than sms/NUMBER',
      peers: PEERS.replace('WHERE', 'NUMBER'),
      addresses:
        'yes: data carry their addresses, which costs bytes; default: they come as sms/NUMBER',
      coding: 'binary (default), or text where only text gets through',
      alphabet: 'gsm (default) or ascii: the numbers of characters in text',
      concatenation: '16-bit (default), 8-bit or message-payload: how long messages are split',
      segments: 'how many SMS a message may have, 4 to 255 (default)',
      rate: 'SMS in a second at the most; default: as fast as the centre takes them',
      bind: 'transceiver (default), or pair: a session for each direction',
    },
  },
  lan: {
    schemes: ['udp'],
    settings: {
      interface: 'NAME of the network interface, or an address of it; default: the system’s choice',
      record: 'FOLDER that keeps what is heard and sent, for `history`',
      serve: 'yes: neighbours may read the record',
      hops: 'how many routers data may cross, 1 to 255; default 1: none',
    },
  },
}
