// SPDX-License-Identifier: Apache-2.0
/**
 * What transports are made of, whatever they speak: one status, sends that wait for a connection,
 * handlers that settle each message, pauses between attempts, and the form of addresses and filters.
 *
 * @module
 */

export {
  CONNECTION_DEFAULTS,
  CONNECTION_RANGES,
  type ConnectionOptions,
} from './connection-options.js'
export { Correspondents, type CorrespondentTerms } from './correspondents.js'
export { closedError, limitError, lostError, transportError } from './errors.js'
export {
  assertAddress,
  assertFilter,
  filterMatcher,
  filterMatches,
  groupOf,
  isControlFilter,
  unshared,
} from './filters.js'
export { Handlers, type HandlingTerms, type Parcel, type Settlement } from './handlers.js'
export { inTime } from './in-time.js'
export { assertRanges, LONGEST_MS, type OptionRanges } from './option-ranges.js'
export { Pauses } from './pauses.js'
export { inboxOf, ReplyAddresses, type ReplyAddressTerms } from './reply-addresses.js'
export { INTERRUPTED, SendQueue, type BeginSend, type SendQueueLimits } from './send-queue.js'
export { StatusBoard } from './status-board.js'
