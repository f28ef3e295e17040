// SPDX-License-Identifier: Apache-2.0
/**
 * Measures things against each other in one run. Machines are noisy and shared, so only ratios mean
 * something: in every round each contender runs once, in an order drawn anew, and what is reported
 * is the median of the rounds' ratios with the quartiles around it.
 *
 * @module
 */

export interface Contender {
  readonly name: string
  /** Makes what so many times of the work need; not measured. */
  prepare?(count: number): void | Promise<void>
  /** Does the work so many times. */
  run(count: number): void | Promise<void>
  /** Processor time, in milliseconds, that whoever does the work has used so far. */
  cpuMs?(): Promise<number>
}

export interface MeasureOptions {
  readonly rounds: number
  /** How long one contender runs in one round, about. */
  readonly blockMs: number
  /**
   * Take this process's processor time for the time: right for work that never waits, and undisturbed
   * by whoever else wants the processor.
   */
  readonly byProcessorTime?: boolean
  /** How long each runs beforehand, at least: whoever has much code needs a while to be at its best. */
  readonly warmUpMs?: number
}

export interface Spread {
  readonly median: number
  /** The quartiles. */
  readonly low: number
  readonly high: number
}

export interface Measured {
  readonly name: string
  readonly perSecond: Spread
  /** Against the base: above 1 is faster. */
  readonly ratio: Spread
  /** The same by processor time, which others on the machine disturb less. */
  readonly cpuRatio?: Spread
}

/** Runs the contenders in turn. The first is the base of all ratios. */
export async function measure(
  contenders: readonly Contender[],
  options: MeasureOptions,
): Promise<readonly Measured[]> {
  const series = await measureSeries(contenders, options)
  const [base = { rates: [], cpuRates: [] }] = series
  return contenders.map(({ name }, index) => {
    const { rates, cpuRates } = series[index] ?? base
    const perSecond = spreadOf(rates)
    const measured = { name, perSecond, ratio: ratioSpread(rates, base.rates) }
    if (cpuRates.length === 0) return measured
    return { ...measured, cpuRatio: ratioSpread(cpuRates, base.cpuRates) }
  })
}

/** Runs the contenders in turn, and gives what each did in each round, in their order. */
export async function measureSeries(
  contenders: readonly Contender[],
  { rounds, blockMs, byProcessorTime = false, warmUpMs = 0 }: MeasureOptions,
): Promise<readonly Series[]> {
  const counts = new Map<Contender, number>()
  const clock = byProcessorTime ? processorMs : (): number => performance.now()
  for (const contender of contenders) {
    await warmUp(contender, warmUpMs, clock)
    counts.set(contender, await calibrate(contender, blockMs, clock))
  }
  const series = new Map<Contender, Series>()
  for (const contender of contenders) series.set(contender, { rates: [], cpuRates: [] })
  for (let round = 0; round < rounds; round++) {
    for (const contender of shuffled(contenders)) {
      const count = counts.get(contender) ?? 1
      const { ms, cpuMs } = await timed(contender, count, clock)
      const own = series.get(contender)
      own?.rates.push((1000 * count) / ms)
      if (cpuMs !== undefined) own?.cpuRates.push((1000 * count) / cpuMs)
    }
  }
  return [...series.values()]
}

/** In milliseconds, from whenever. */
type Clock = () => number

function processorMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** One contender's results, round by round: how often per second. */
export interface Series {
  readonly rates: number[]
  readonly cpuRates: number[]
}

/** Of the ratios round by round. */
export function ratioSpread(rates: readonly number[], base: readonly number[]): Spread {
  return spreadOf(rates.map((rate, round) => rate / (base[round] ?? Number.NaN)))
}

/** Median and quartiles. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (part: number): number => sorted[Math.round(part * (sorted.length - 1))] ?? Number.NaN
  return { median: at(0.5), low: at(0.25), high: at(0.75) }
}

async function warmUp(contender: Contender, warmUpMs: number, clock: Clock): Promise<void> {
  let spent = 0
  for (let count = 1; spent < warmUpMs; count *= 2) {
    const { ms } = await timed(contender, count, clock)
    spent += ms
  }
}

/** How often it must run for a block to last as long as wished, once it is warm. */
async function calibrate(contender: Contender, blockMs: number, clock: Clock): Promise<number> {
  for (let count = 1; ; count *= 2) {
    const { ms } = await timed(contender, count, clock)
    if (ms >= blockMs) return Math.max(1, Math.round((count * blockMs) / ms))
  }
}

async function timed(
  contender: Contender,
  count: number,
  clock: Clock,
): Promise<{ readonly ms: number; readonly cpuMs: number | undefined }> {
  await contender.prepare?.(count)
  const cpuBefore = await contender.cpuMs?.()
  const started = clock()
  await contender.run(count)
  const ms = clock() - started
  const cpuAfter = await contender.cpuMs?.()
  const cpuMs = cpuBefore === undefined || cpuAfter === undefined ? undefined : cpuAfter - cpuBefore
  return { ms, cpuMs }
}

function shuffled<T>(items: readonly T[]): T[] {
  const copy = [...items]
  for (let i = copy.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1))
    const [a, b] = [copy[i], copy[j]]
    if (a !== undefined && b !== undefined) [copy[i], copy[j]] = [b, a]
  }
  return copy
}
