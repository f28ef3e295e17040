// SPDX-License-Identifier: Apache-2.0
/**
 * What a process that gets killed wrote down: line by line, the last of which the kill may have cut.
 *
 * @module
 */

/** An object, by what everybody on the way sees of it. */
export interface Place {
  /** In hex. */
  readonly kid: string
  /** In hex. */
  readonly session: string
  readonly counter: number
}

export interface HandedOver extends Place {
  readonly kind: 'handed-over'
  readonly text: string
  readonly redelivered: boolean
}

export type LogEntry =
  /** A new process began. */
  | { readonly kind: 'start' }
  /** The producer: the broker has taken this message. */
  | ({ readonly kind: 'published'; readonly text: string } & Place)
  /** The reader: the transport brought it. */
  | ({ readonly kind: 'arrived'; readonly redelivered: boolean } & Place)
  /** The reader: it was handed over. */
  | HandedOver
  /** The reader: its acknowledgement begins. */
  | ({ readonly kind: 'acknowledging' } & Place)
  /** The reader: its acknowledgement resolved. */
  | ({ readonly kind: 'acknowledged' } & Place)
  /** Something failed, with this code. */
  | { readonly kind: 'failed'; readonly why: string }
  /** Something was said against a message. */
  | { readonly kind: 'refusal'; readonly what: string }

const LETTERS = {
  start: 's',
  published: 'p',
  acknowledging: 'b',
  acknowledged: 'a',
  failed: 'f',
  refusal: 'x',
} as const
const KID_DIGITS = 16
/** What is expected where a process meets a store without room. */
export const STORE_FULL = 'ERR_STORE_FULL'

/** Names an object by its place. */
export function nameOf({ kid, session, counter }: Place): string {
  return `${kid}/${session}/${counter}`
}

/** The place that a receipt names: the kid is the beginning of the generation id. */
export function placeOf(receipt: {
  readonly generationId: string
  readonly session: string
  readonly counter: number
}): Place {
  const { generationId, session, counter } = receipt
  return { kid: generationId.slice(0, KID_DIGITS), session, counter }
}

export function formatEntry(entry: LogEntry): string {
  switch (entry.kind) {
    case 'start':
      return 's\n'
    case 'failed':
      return `f ${entry.why}\n`
    case 'refusal':
      return `x ${entry.what}\n`
    case 'handed-over':
      return `${entry.redelivered ? 'R' : 'r'} ${nameOf(entry)} ${entry.text}\n`
    case 'arrived':
      return `${entry.redelivered ? 'I' : 'i'} ${nameOf(entry)}\n`
    case 'published':
      return `p ${nameOf(entry)} ${entry.text}\n`
    default:
      return `${LETTERS[entry.kind]} ${nameOf(entry)}\n`
  }
}

/** Reads whole lines. */
export function parseLog(text: string): LogEntry[] {
  return text.split('\n').slice(0, -1).map(parseLine)
}

function parseLine(line: string): LogEntry {
  const [letter = '', name = '', text = ''] = line.split(' ')
  const [kid = '', session = '', counter = ''] = name.split('/')
  const place: Place = { kid, session, counter: Number(counter) }
  switch (letter) {
    case LETTERS.start:
      return { kind: 'start' }
    case LETTERS.failed:
      return { kind: 'failed', why: line.slice(2) }
    case LETTERS.refusal:
      return { kind: 'refusal', what: line.slice(2) }
    case LETTERS.published:
      return { kind: 'published', text, ...place }
    case 'i':
    case 'I':
      return { kind: 'arrived', redelivered: letter === 'I', ...place }
    case LETTERS.acknowledging:
      return { kind: 'acknowledging', ...place }
    case LETTERS.acknowledged:
      return { kind: 'acknowledged', ...place }
    default:
      return { kind: 'handed-over', redelivered: letter === 'R', text, ...place }
  }
}
