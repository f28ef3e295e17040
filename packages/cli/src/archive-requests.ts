// SPDX-License-Identifier: Apache-2.0
/**
 * Asking for the grants that an archive lacks, and waiting for the answers.
 *
 * @module
 */

import type { Endpoint, Reader } from '@waxwing/client'
import { archiveBytes } from './archive-reading.js'
import { counted, type Output } from './output.js'

export interface RequestInputs {
  readonly endpoint: Endpoint
  readonly reader: Reader
  readonly file: string
  readonly waitMs: number
  readonly output: Output
  readonly reason: string | undefined
}

/** A first pass through the archive finds what is missing; all of it is asked for at once. */
export async function requestMissing(inputs: RequestInputs): Promise<void> {
  const { endpoint, output, waitMs, reason } = inputs
  const missing = await missingEpochs(inputs)
  if (missing.size === 0) return
  const { book, requester } = endpoint.parts
  const open = new Set(missing.keys())
  const answered = new Promise<void>((resolve) => {
    const settle = (kid: string): void => {
      open.delete(kid)
      if (open.size === 0) resolve()
    }
    const unlisten = endpoint.on('event', (event) => {
      if (event.type === 'grant') settle(event.kid)
      if (event.type === 'denial' && event.code !== 'pending-approval') settle(event.kid)
    })
    setTimeout(() => {
      unlisten()
      resolve()
    }, waitMs)
  })
  for (const [kid, epochs] of missing) {
    const [generation] = book.byKid(kid)
    const address = generation?.stream ?? ''
    for (const epoch of epochs) {
      requester.want({ kid, epoch, address, generation, reason, andLater: false })
    }
  }
  output.note(`Asked for ${counted(missing.size, 'key')}; waiting for the answer.`)
  await answered
  if (open.size > 0)
    output.note(`${counted(open.size, 'request')} not granted yet: try again later.`)
}

/** The epochs for which keys are missing, by kid. */
async function missingEpochs(inputs: RequestInputs): Promise<ReadonlyMap<string, Set<number>>> {
  const { reader, file, output } = inputs
  const missing = new Map<string, Set<number>>()
  for await (const item of reader.readArchive(archiveBytes(file, output))) {
    if (item.kind !== 'skip' || item.reason !== 'no-key') continue
    const { kid, epoch } = item
    if (kid === undefined || epoch === undefined) continue
    const epochs = missing.get(kid) ?? new Set<number>()
    missing.set(kid, epochs.add(epoch))
  }
  output.progressDone()
  return missing
}
