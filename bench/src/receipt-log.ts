// SPDX-License-Identifier: Apache-2.0
/**
 * What a reader that gets killed wrote down about each message, before and after it acknowledged it,
 * and what must hold of that (`docs/spec/08-receiving.md` Section 8.4): none lost, none again that was
 * acknowledged, all in order.
 *
 * @module
 */

/** One line of the log. */
export type LogEntry =
  /** A new process began. */
  | { readonly kind: 'start' }
  /** A message was handed over. */
  | { readonly kind: 'handed-over'; readonly number: number; readonly redelivered: boolean }
  /** Its acknowledgement resolved. */
  | { readonly kind: 'acknowledged'; readonly number: number }

export interface LogVerdict {
  readonly starts: number
  readonly acknowledged: number
  /** Messages that came again, because they were interrupted. */
  readonly again: number
  readonly problems: readonly string[]
}

export function formatEntry(entry: LogEntry): string {
  if (entry.kind === 'start') return 's\n'
  if (entry.kind === 'acknowledged') return `a ${entry.number}\n`
  return `${entry.redelivered ? 'R' : 'r'} ${entry.number}\n`
}

/** Reads a log. The kill may have cut its last line. */
export function parseLog(text: string): LogEntry[] {
  const lines = text.split('\n').slice(0, -1)
  return lines.map((line) => {
    const [kind, digits] = line.split(' ')
    const number = Number(digits)
    if (kind === 's') return { kind: 'start' }
    if (kind === 'a') return { kind: 'acknowledged', number }
    return { kind: 'handed-over', number, redelivered: kind === 'R' }
  })
}

/**
 * Judges a log, in which messages 0 to `published` − 1 have to stand. The reader takes one message
 * at a time, so a kill interrupts one at most: the last that was handed over.
 */
export function judgeLog(entries: readonly LogEntry[], published: number): LogVerdict {
  const problems: string[] = []
  const acknowledged = new Set<number>()
  let starts = 0
  let again = 0
  /** Handed over and not known to be acknowledged. */
  let interrupted: number | undefined
  let next = 0
  for (const entry of entries) {
    if (entry.kind === 'start') starts++
    else if (entry.kind === 'acknowledged') {
      acknowledged.add(entry.number)
      interrupted = undefined
    } else {
      const { number, redelivered } = entry
      if (number === interrupted) {
        again++
        if (!redelivered) problems.push(`${number} came again and was not marked as redelivered`)
      } else {
        if (acknowledged.has(number))
          problems.push(`${number} came again after its acknowledgement`)
        else if (number < next) problems.push(`${number} came again after a later one`)
        else if (number > next) problems.push(`${number} came before ${next}`)
        // The kill came between the acknowledgement and its line in the log.
        if (interrupted !== undefined) acknowledged.add(interrupted)
      }
      interrupted = number
      next = Math.max(next, number + 1)
    }
  }
  for (let number = 0; number < published; number++) {
    if (!acknowledged.has(number)) problems.push(`${number} is lost`)
  }
  return { starts, acknowledged: acknowledged.size, again, problems }
}
