// SPDX-License-Identifier: Apache-2.0
/**
 * What the system says of a datagram that it did not take.
 *
 * @module
 */

/** It has no room for a moment. */
const BUSY: ReadonlySet<string> = new Set(['ENOBUFS', 'EAGAIN', 'ENOMEM'])
/** Nothing that waiting could help against. */
const HOPELESS: ReadonlySet<string> = new Set(['EMSGSIZE', 'EINVAL', 'EAFNOSUPPORT'])

/** @param error - Of an endpoint, with that of the system as its cause. */
export function whyRefused(error: unknown): 'busy' | 'hopeless' | 'away' {
  const { cause } = error as Error
  const code = (cause as NodeJS.ErrnoException | undefined)?.code
  if (code === undefined || HOPELESS.has(code)) return 'hopeless'
  return BUSY.has(code) ? 'busy' : 'away'
}
