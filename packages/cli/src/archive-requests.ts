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
  const answered = untilAnswered(endpoint, open, waitMs)
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

/** Resolves when no kid is left that was neither granted nor denied, or when it is too late. */
async function untilAnswered(endpoint: Endpoint, open: Set<string>, waitMs: number): Promise<void> {
  let finish = (): void => undefined
  const finished = new Promise<void>((resolve) => (finish = resolve))
  const timer = setTimeout(finish, waitMs)
  const unlisten = endpoint.on('event', (event) => {
    const isAnswer =
      event.type === 'grant' || (event.type === 'denial' && event.code !== 'pending-approval')
    if (isAnswer) open.delete(event.kid)
    if (open.size === 0) finish()
  })
  await finished
  clearTimeout(timer)
  unlisten()
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
