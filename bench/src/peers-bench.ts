// SPDX-License-Identifier: Apache-2.0
/**
 * The bare calls, ourselves and others in one run, interleaved, for each size of payload
 * (`docs/benchmarks.md`).
 *
 * @module
 */

import {
  measureSeries,
  ratioSpread,
  spreadOf,
  type Contender,
  type MeasureOptions,
  type Spread,
} from './measure.ts'
import { inTurn } from './object-parts.ts'
import {
  competitors,
  type Competitor,
  type CompetitorKind,
  type Terms,
} from './peers/competitors.ts'

const PEER_PAYLOADS: readonly number[] = [32, 256, 4096, 65_536, 1_048_576]

/** At this size the whole of a call is to be almost as fast as the bare one. */
const LARGE_BYTES = 1_048_576
const LARGE_AIM = 0.9
/** At this size peers are to be behind. */
const SMALL_BYTES = 256
const AHEAD_AIMS = { unsigned: 3, signed: 2 }

export interface Speed {
  readonly perSecond: Spread
  /** Against the fastest of the bare calls. */
  readonly ratio: Spread
  /** The least ratio that is promised. */
  readonly aim?: number
  /** Of peers: how many times as fast the fastest of ours is. */
  readonly ahead?: Spread
  readonly aheadAim?: number
}

export interface PeerRow extends Omit<Competitor, 'seal' | 'open'> {
  readonly seal: Speed
  readonly open: Speed
}

export interface PeerTable extends Terms {
  readonly rows: readonly PeerRow[]
}

export async function peerTables(options: MeasureOptions): Promise<readonly PeerTable[]> {
  const tables: PeerTable[] = []
  for (const signed of [false, true]) {
    for (const payloadBytes of PEER_PAYLOADS) {
      const how = signed ? 'signed' : 'unsigned'
      console.error(`measuring: ${payloadBytes} bytes beside peers, ${how}`)
      tables.push(await peerTable({ signed, payloadBytes }, options))
    }
  }
  return tables
}

/** One size, either signed or unsigned. */
async function peerTable(terms: Terms, options: MeasureOptions): Promise<PeerTable> {
  const all = await competitors(terms)
  const kinds = all.map(({ kind }) => kind)
  const contenders = { seal: all.map(({ seal }) => seal), open: all.map(({ open }) => open) }
  const seals = speeds(await ratesOf(contenders.seal, options), kinds, terms)
  const opens = speeds(await ratesOf(contenders.open, options), kinds, terms)
  const rows = all.map(({ seal: _seal, open: _open, ...competitor }, index) => ({
    ...competitor,
    seal: inTurn(seals, index),
    open: inTurn(opens, index),
  }))
  return { ...terms, rows }
}

/** How often per second, round by round. */
type Rates = readonly number[]

async function ratesOf(
  contenders: readonly Contender[],
  options: MeasureOptions,
): Promise<readonly Rates[]> {
  return (await measureSeries(contenders, options)).map(({ rates }) => rates)
}

/** Against the fastest bare call; of peers, against the fastest of ours as well. */
export function speeds(
  all: readonly Rates[],
  kinds: readonly CompetitorKind[],
  { signed, payloadBytes }: Terms,
): readonly Speed[] {
  const fastest = (kind: CompetitorKind): Rates =>
    fastestOf(all.filter((_, i) => kinds[i] === kind))
  const bare = fastest('bare')
  const ours = fastest('ours')
  const largeAim = !signed && payloadBytes === LARGE_BYTES ? { aim: LARGE_AIM } : {}
  const smallAim =
    payloadBytes === SMALL_BYTES ? { aheadAim: AHEAD_AIMS[signed ? 'signed' : 'unsigned'] } : {}
  return all.map((rates, index) => {
    const speed = { perSecond: spreadOf(rates), ratio: ratioSpread(rates, bare) }
    if (rates === ours) return { ...speed, ...largeAim }
    if (kinds[index] !== 'peer') return speed
    return { ...speed, ahead: ratioSpread(ours, rates), ...smallAim }
  })
}

function fastestOf(all: readonly Rates[]): Rates {
  const [fastest] = all.toSorted((a, b) => spreadOf(b).median - spreadOf(a).median)
  if (fastest === undefined) throw new RangeError('there is nobody to compare with')
  return fastest
}
