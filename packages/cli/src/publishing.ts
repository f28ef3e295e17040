// SPDX-License-Identifier: Apache-2.0
/**
 * Leaving a domain's trust bundle in the broker, where its members find it.
 *
 * @module
 */

import { trustAddress } from '@waxwing/core'
import type { Domain } from '@waxwing/client'
import type { Context } from './context.js'

/**
 * Publishes the newest bundle, after those that introduced later anchors.
 *
 * @param isWanted - `false`, or not said: only says how.
 */
export async function publishBundle(
  context: Context,
  domain: Domain,
  isWanted: boolean | undefined,
): Promise<void> {
  if (isWanted !== true) {
    context.output.next('waxwing domain bundle --publish   tell the members')
    return
  }
  const transport = await context.connect()
  const address = trustAddress(domain.id)
  for (const [index, introduction] of domain.introductions.entries()) {
    await transport.send(`${address}/introduction/${index}`, introduction, { retained: true })
  }
  await transport.send(address, domain.bundle, { retained: true })
  context.output.note('Left the trust bundle in the broker.')
}
