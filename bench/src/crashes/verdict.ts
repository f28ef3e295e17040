// SPDX-License-Identifier: Apache-2.0
/**
 * What must hold of all lives together, by what the processes wrote down and what the broker carried:
 * what the producer was told is published, the broker carried; what the broker carried, the reader got;
 * and only a store without room makes anything fail.
 *
 * @module
 */

import { nameOf, STORE_FULL, type LogEntry } from './life-log.ts'
import { ReadingVerdict } from './reading-verdict.ts'

export interface Verdict {
  readonly lives: { readonly producer: number; readonly reader: number }
  /** Messages of which the producer knows that they were published. */
  readonly published: number
  /** Messages that were handed over. */
  readonly read: number
  /** Messages that came again, because they were interrupted. */
  readonly again: number
  /** How often the broker brought something after what it had carried later: its own matter. */
  readonly shuffled: number
  /** How often the store refused something for want of room. */
  readonly full: { readonly producer: number; readonly reader: number }
  readonly problems: readonly string[]
}

/** Judges everything so far; what was not read yet counts as lost only when nothing more is to come. */
export function judge(inputs: {
  readonly producer: readonly LogEntry[]
  readonly reader: readonly LogEntry[]
  /** The names of what the broker carried, in its order. */
  readonly wire: ReadonlySet<string>
  /** Those of them that it carried more than once. */
  readonly sentAgain?: ReadonlySet<string>
  readonly isOver: boolean
}): Verdict {
  const { producer, reader, wire, sentAgain, isOver } = inputs
  const reading = new ReadingVerdict(wire, sentAgain)
  for (const entry of reader) reading.take(entry)
  return {
    lives: { producer: countOf(producer, 'start'), reader: countOf(reader, 'start') },
    published: countOf(producer, 'published'),
    read: reading.readCount,
    again: reading.againCount,
    shuffled: reading.shuffledCount,
    full: { producer: countOf(producer, 'failed'), reader: countOf(reader, 'failed') },
    problems: [
      ...reading.problems,
      ...(isOver ? lostOf(wire, reading) : []),
      ...producer.flatMap((entry) => checkPublished(entry, wire, reading)),
      ...failuresOf('producer', producer),
      ...failuresOf('reader', reader),
    ],
  }
}

function lostOf(wire: ReadonlySet<string>, reading: ReadingVerdict): readonly string[] {
  const lost = [...wire].filter((name) => !reading.isSettled(name))
  return lost.map((name) => `${name} is lost`)
}

function checkPublished(
  entry: LogEntry,
  wire: ReadonlySet<string>,
  reading: ReadingVerdict,
): readonly string[] {
  if (entry.kind !== 'published') return []
  const name = nameOf(entry)
  if (!wire.has(name)) return [`${name} was published and never carried`]
  const read = reading.textOf(name)
  if (read === undefined || read === entry.text) return []
  return [`${name} was ${entry.text} and is read as ${read}`]
}

/** What failed for another reason than a full store, and what was said against messages. */
function failuresOf(side: string, entries: readonly LogEntry[]): readonly string[] {
  return entries.flatMap((entry) => {
    if (entry.kind === 'refusal') return [`${side}: ${entry.what}`]
    return entry.kind === 'failed' && entry.why !== STORE_FULL ? [`${side}: ${entry.why}`] : []
  })
}

function countOf(entries: readonly LogEntry[], kind: LogEntry['kind']): number {
  return entries.filter((entry) => entry.kind === kind).length
}
