// SPDX-License-Identifier: Apache-2.0
/**
 * What happens in a round, drawn from a seed: the same seed and number, the same plan. When exactly the
 * processes come to what happens is the machine's matter.
 *
 * @module
 */

import { seededRandom } from '@waxwing/client/testing'
import { TEARS, type Tear } from '@waxwing/testkit'

export type Side = 'producer' | 'reader'
const SIDES: readonly Side[] = ['producer', 'reader']

export type Incident =
  /** The clock of a side shows the right time and so much more, in milliseconds. */
  | { readonly kind: 'jump'; readonly side: Side; readonly atMs: number; readonly offsetMs: number }
  /** The store of a side has no room any more. */
  | { readonly kind: 'full'; readonly side: Side; readonly atMs: number }
  | { readonly kind: 'room'; readonly side: Side; readonly atMs: number }

export interface RoundPlan {
  /** In this order. What is due after the kill does not happen. */
  readonly incidents: readonly Incident[]
  /** Who is killed. */
  readonly killed: readonly Side[]
  /** From the beginning of the round. Those that are being started then are killed wherever they are. */
  readonly killAtMs: number
  /** What a power cut leaves in the journals of those that were killed, if it was one. */
  readonly tear: Tear | undefined
  /** Whether there is no room either when the next life begins, for those that had none. */
  readonly startsFull: boolean
  /** Whether all clocks are right when the next round begins; while they differ, nobody is granted. */
  readonly setsClocks: boolean
  /** The order in which the next life of the reader wants messages. */
  readonly order: 'arrival' | 'session'
}

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const MAX_JUMP_DAYS = 4

/** @param roundMs - The longest time until the kill. */
export function drawRound(seed: number, round: number, roundMs: number): RoundPlan {
  const random = seededRandom(seed + round * 0x9e3779b1)
  const oneOf = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T
  const killAtMs = random() * roundMs
  const incidents = SIDES.flatMap((side) => [
    ...(random() < 0.25 ? drawFull(side, killAtMs, random) : []),
    ...(random() < 0.35 ? drawJumps(side, killAtMs, random) : []),
  ])
  return {
    incidents: incidents.toSorted((one, other) => one.atMs - other.atMs),
    killed: oneOf([['producer'], ['reader'], SIDES]),
    killAtMs,
    tear: random() < 0.5 ? oneOf(TEARS) : undefined,
    startsFull: random() < 0.3,
    setsClocks: random() < 0.7,
    order: oneOf(['arrival', 'session']),
  }
}

/** One line that says what is planned. */
export function describeRound({ incidents, killed, killAtMs, tear }: RoundPlan): string {
  const happenings = incidents.map((one) => {
    const what = one.kind === 'jump' ? `clock ${(one.offsetMs / HOUR_MS).toFixed(1)} h` : one.kind
    return `${one.side} ${what} at ${one.atMs.toFixed()} ms`
  })
  const kill = `kill ${killed.join(' and ')} at ${killAtMs.toFixed()} ms`
  return [...happenings, kill, ...(tear === undefined ? [] : [`tear: ${tear}`])].join('; ')
}

/** There is room again before the kill, or there is none until it. */
function drawFull(side: Side, killAtMs: number, random: () => number): readonly Incident[] {
  const atMs = random() * killAtMs
  return [
    { kind: 'full', side, atMs },
    { kind: 'room', side, atMs: atMs + 1.5 * random() * killAtMs },
  ]
}

/** There, and often back: before the kill, or not at all. */
function drawJumps(side: Side, killAtMs: number, random: () => number): readonly Incident[] {
  const atMs = random() * killAtMs
  const backMs = random() < 0.7 ? 0 : drawOffset(random)
  return [
    { kind: 'jump', side, atMs, offsetMs: drawOffset(random) },
    { kind: 'jump', side, atMs: atMs + 1.5 * random() * killAtMs, offsetMs: backMs },
  ]
}

/** Hours or days, ahead or back. */
function drawOffset(random: () => number): number {
  const size = random() < 0.5 ? random() * 6 * HOUR_MS : random() * MAX_JUMP_DAYS * DAY_MS
  return Math.round(random() < 0.5 ? size : -size)
}
