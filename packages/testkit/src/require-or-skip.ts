// SPDX-License-Identifier: Apache-2.0
/**
 * What happens to tests whose server is not on the machine: in CI they fail, elsewhere they are
 * skipped, and the end of the run says which and why.
 *
 * @module
 */

import { describe, it } from 'vitest'

/** `describe`, or something that stands in for it. */
export type DescribeWithServer = (title: string, body: () => void) => void

/**
 * Gives `describe` where the server is there. Where it is not, one failing test (with `CI=true` in
 * the environment) or one skipped test stands for the whole block.
 *
 * @param name What is needed, for the message.
 */
export function requireOrSkip(name: string, available: boolean): DescribeWithServer {
  if (available) return (title, body) => void describe(title, body)
  const reason = `${name} is not on this machine`
  return (title) =>
    void describe(title, () => {
      it(`needs ${name}`, (context) => {
        if (process.env['CI'] === 'true') throw new Error(`${reason}, and CI must have it`)
        context.skip(reason)
      })
    })
}
