// SPDX-License-Identifier: Apache-2.0
/**
 * What came by mail, counted.
 *
 * @module
 */

import { counted, type Json } from '../output.js'

export class MailTally {
  /** Mails with something of ours. */
  mails = 0
  /** Mails without: they are left alone. */
  foreign = 0
  /** Control messages that were acted on. */
  control = 0
  /** Objects that wait for a grant. */
  parked = 0
  /** Objects for which there is no room among those: they stay in the mailbox. */
  left = 0
  /** Objects that were read before. */
  repeated = 0
  /** What is not authentic, or does not count. */
  refused = 0
  /** Mails and attachments that cannot be read. */
  damaged = 0
  /** Mails of ours that could not be delivered. */
  bounced = 0

  toJson(): { readonly [key: string]: Json } {
    return Object.fromEntries(Object.entries(this).map(([name, count]) => [name, Number(count)]))
  }

  /** What is worth a word beside messages and files. */
  get lines(): readonly string[] {
    const lines: (readonly [number, string])[] = [
      [this.foreign, `${counted(this.foreign, 'mail')} left alone: nothing of Waxwing in it`],
      [this.control, `${counted(this.control, 'control message')} acted on`],
      [this.parked, `${counted(this.parked, 'object')} kept until a grant comes`],
      [this.left, `${counted(this.left, 'object')} left in the mailbox: too many wait for grants`],
      [this.repeated, `${counted(this.repeated, 'object')} read before (--again shows them)`],
      [this.refused, `${counted(this.refused, 'item')} refused`],
      [
        this.damaged,
        `${counted(this.damaged, 'mail or attachment', 'mails or attachments')} not readable`,
      ],
      [this.bounced, `${counted(this.bounced, 'mail')} of ours not delivered`],
    ]
    return lines.filter(([count]) => count > 0).map(([, line]) => line)
  }
}
