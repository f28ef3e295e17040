import { utf8 } from '@waxwing/core'
import { describe, expect, it } from 'vitest'
import { KidBudget } from '../../src/requesting/kid-budget.js'
import { KidSightings, type Sightings } from '../../src/requesting/kid-sightings.js'
import { WaitingKids } from '../../src/requesting/waiting-kids.js'
import { seededRandom } from '../../src/testing.js'

const GENUINE = 'genuine'
const ADDRESS = 'plant/1'
const MINUTE = 60_000
const TICK_MS = 100

/** Mixes well enough for a test, and fast. */
function digest(name: string): Uint8Array {
  let [one, other] = [0x811c9dc5, 0x9e3779b9]
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i)
    one = Math.imul(one ^ code, 0x01000193)
    other = Math.imul(other ^ code ^ (other >>> 13), 0x85ebca6b)
  }
  one = Math.imul(one ^ (one >>> 15), 0x2c1b3c6d)
  other ^= other >>> 16
  const bytes = new DataView(new ArrayBuffer(6))
  bytes.setUint16(0, one >>> 16)
  bytes.setUint32(2, other >>> 0)
  return new Uint8Array(bytes.buffer)
}

function randomOf(seed: number): (below: number) => number {
  const next = seededRandom(seed)
  return (below) => Math.floor(next() * below)
}

/** Who sends what under made-up kids. */
interface Flood {
  readonly perSecond: number
  /** The kid of its next object, given which kids were asked about. */
  readonly next: (asked: ReadonlySet<string>) => string
}

/** Each of its kids brings so many objects, a second apart. */
function manyKids(perSecond: number, objects: number): Flood {
  let count = 0
  return {
    perSecond,
    next: () => {
      const at = count++
      const round = Math.floor(at / objects)
      return `many ${Math.max(0, round - (at % objects) * Math.floor(perSecond / objects))}`
    },
  }
}

/** A few kids in turn; as soon as one was asked about, another takes its place. */
function fewKids(kidCount: number, perSecond: number): Flood {
  const kids = Array.from({ length: kidCount }, (_, i) => `few ${i}`)
  let made = kidCount
  let at = 0
  return {
    perSecond,
    next: (asked) => {
      at = (at + 1) % kidCount
      let kid = kids[at] ?? ''
      if (asked.has(kid)) kids[at] = kid = `few ${made++}`
      return kid
    },
  }
}

/** Now one, now the other. */
function both(one: Flood, other: Flood): Flood {
  const perSecond = one.perSecond + other.perSecond
  let due = 0
  return {
    perSecond,
    next: (asked) => {
      due += one.perSecond / perSecond
      if (due < 1) return other.next(asked)
      due--
      return one.next(asked)
    },
  }
}

/** How many seconds a genuine kid waits that comes once a second, in the midst of a flood. */
function waitOf(flood: Flood, seed: number, addressOf = (_kid: string) => ADDRESS): number {
  const random = randomOf(seed)
  const budget = new KidBudget<string>({ random, digest: (name) => digest(`${seed} ${name}`) })
  const asked = new Set<string>()
  const perTick = Math.round((flood.perSecond * TICK_MS) / 1000)
  const genuineTick = random(10)
  for (let tick = 0; tick < 36_000; tick++) {
    const nowMs = tick * TICK_MS
    const genuineAt = tick % 10 === genuineTick ? random(perTick) : -1
    for (const kid of budget.draw(nowMs)) asked.add(kid)
    for (let i = 0; i < perTick; i++) {
      const kid = i === genuineAt ? GENUINE : flood.next(asked)
      const address = addressOf(kid)
      if (asked.has(kid) || budget.meet(address, kid, nowMs) !== undefined) continue
      if (budget.ask(address, kid, kid, nowMs)) asked.add(kid)
    }
    if (asked.has(GENUINE)) return nowMs / 1000
  }
  return Infinity
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length
}

const isThere = (value: unknown): boolean => value !== undefined

const seeds = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i + 1)

/** The floods of `docs/adr/0025-turns-to-ask.md`, and how long they may hold a newcomer up. */
const FLOODS: readonly [name: string, make: () => Flood, trials: number, meanSeconds: number][] = [
  ['1,000 kids a second, one object each', () => manyKids(1000, 1), 20, 15],
  ['500 kids a second, two objects each', () => manyKids(1000, 2), 20, 30],
  ['8 kids, 100 objects a second each', () => fewKids(8, 800), 20, 90],
  ['both at once', () => both(manyKids(1000, 1), fewKids(8, 800)), 6, 180],
]

describe('turns to ask', () => {
  it('are eight a minute and address: four at once, four over the minute', () => {
    const budget = new KidBudget<string>({ random: randomOf(1), digest })
    const turns: number[] = []
    for (let nowMs = 0; nowMs < 2 * MINUTE; nowMs += 1000) {
      for (let i = 0; i < 20; i++) {
        const kid = `${nowMs} ${i}`
        if (budget.ask(ADDRESS, kid, kid, nowMs)) turns.push(nowMs)
      }
      turns.push(...budget.draw(nowMs).map(() => nowMs))
    }
    const minute = [0, 0, 0, 0, 12_000, 24_000, 36_000, 48_000]
    expect(turns).toEqual([...minute, ...minute.map((at) => at + MINUTE)])
  })

  it('are there anew for whoever comes after a quiet minute', () => {
    const budget = new KidBudget<string>({ random: randomOf(1), digest })
    const areTaken = (kids: string, nowMs: number): readonly boolean[] =>
      kids.split('').map((kid) => budget.ask(ADDRESS, kid, kid, nowMs))
    expect(areTaken('abcd', 0)).toEqual([true, true, true, true])
    expect(areTaken('ef', 30_000)).toEqual([true, true])
    expect(areTaken('ghij', MINUTE)).toEqual([true, true, true, true])
    expect(budget.nextDrawAt).toBeUndefined()
    expect(areTaken('k', MINUTE)).toEqual([false])
    expect(budget.nextDrawAt).toBe(MINUTE + 2000)
    expect(budget.draw(MINUTE + 2000)).toEqual(['k'])
  })

  it('are not kept back where few kids wait: the eighth is asked about within two seconds', () => {
    const budget = new KidBudget<string>({ random: randomOf(1), digest })
    const first = 'abcdefgh'.split('').filter((kid) => budget.ask(ADDRESS, kid, kid, 0))
    expect(budget.draw(1999)).toEqual([])
    expect(new Set([...first, ...budget.draw(2000)])).toEqual(new Set('abcdefgh'))
    expect(budget.ask(ADDRESS, 'i', 'i', 3000)).toBe(false)
    expect(budget.nextDrawAt).toBe(MINUTE)
  })

  it('are kept back as long as others come, and while many wait', () => {
    const budget = new KidBudget<string>({ random: randomOf(1), digest })
    for (const [i, kid] of 'abcdefg'.split('').entries()) budget.ask(ADDRESS, kid, kid, i * 1500)
    expect(budget.draw(10_000)).toEqual([])
    expect(budget.draw(11_000)).toHaveLength(3)
    const flooded = new KidBudget<string>({ random: randomOf(1), digest })
    for (const kid of 'abcdefghi') flooded.ask(ADDRESS, kid, kid, 0)
    expect(flooded.draw(11_999)).toEqual([])
    expect(flooded.draw(12_000)).not.toEqual([])
  })

  it('are 256 at once and eight a second over all addresses', () => {
    const budget = new KidBudget<string>({ random: randomOf(1), digest })
    let turns = 0
    for (let nowMs = 0; nowMs < MINUTE; nowMs += TICK_MS) {
      for (let i = 0; i < 100; i++) {
        const kid = `${nowMs} ${i}`
        if (budget.ask(kid, kid, kid, nowMs)) turns++
      }
      turns += budget.draw(nowMs).length
      if (nowMs === 0) expect(turns).toBe(100)
    }
    expect(turns).toBeGreaterThan(256 + 8 * 59)
    expect(turns).toBeLessThanOrEqual(256 + 8 * 60)
  })

  it('go to an address that nobody floods, in the midst of a flood over many others', () => {
    const waits = seeds(10).map((seed) => waitOf(manyKids(1000, 1), seed, (kid) => kid))
    expect(mean(waits)).toBeLessThan(5)
  })

  for (const [name, make, trials, meanSeconds] of FLOODS) {
    it(`come to a genuine kid within ${meanSeconds} s on average under ${name}`, () => {
      expect(mean(seeds(trials).map((seed) => waitOf(make(), seed)))).toBeLessThan(meanSeconds)
    })
  }
})

/** How many turns it takes until the genuine kid is drawn from among others that keep coming. */
function turnsAmong(others: number, perSecond: number, isRefilled: boolean, seed: number): number {
  const waiting = new WaitingKids<string>(256, randomOf(seed))
  const since = new Map<string, number>([[GENUINE, 0]])
  for (let i = 0; i < others; i++) since.set(`junk ${i}`, 0)
  for (let turn = 1; ; turn++) {
    const second = turn * 7.5
    for (const [kid, start] of since) {
      const seconds = Math.min(1024, Math.ceil(second - start))
      const objects = Math.min(1024, kid === GENUINE ? seconds : seconds * perSecond)
      if (waiting.get(kid) === undefined) waiting.add(kid, kid, { objects, seconds })
      else waiting.met(kid, { objects, seconds })
    }
    const drawn = waiting.draw()?.value ?? ''
    if (drawn === GENUINE) return turn
    since.delete(drawn)
    if (isRefilled) since.set(`junk ${others + turn}`, second)
  }
}

describe('those that wait', () => {
  it.each([
    [8, 100, true, 12],
    [64, 4, true, 80],
    [255, 4, true, 300],
    [255, 4, false, 160],
    [20, 1, true, 21],
    [255, 1, true, 300],
  ] as const)(
    'are drawn in turn: %i that come %i times a second (others after them: %s), %i turns',
    (others, perSecond, isRefilled, meanTurns) => {
      const turns = seeds(60).map((seed) => turnsAmong(others, perSecond, isRefilled, seed))
      expect(mean(turns)).toBeLessThan(meanTurns)
      if (!isRefilled) expect(Math.max(...turns)).toBeLessThanOrEqual(others + 1)
    },
  )

  it('give way to others the sooner the less they came', () => {
    const waiting = new WaitingKids<string>(256, randomOf(7))
    const often: Sightings = { objects: 5, seconds: 5 }
    for (let i = 0; i < 10; i++) waiting.add(`often ${i}`, '', often)
    for (let i = 0; i < 2000; i++) waiting.add(`once ${i}`, '', { objects: 1, seconds: 1 })
    expect(waiting.size).toBe(256)
    const countOf = (name: string): number =>
      Array.from({ length: 10 }, (_, i) => waiting.get(`${name} ${i}`)).filter(isThere).length
    expect(countOf('often')).toBeGreaterThan(5)
    expect(countOf('once')).toBe(0)
  })

  it('give way even if they came often, where nobody came less', () => {
    const waiting = new WaitingKids<string>(256, randomOf(7))
    for (let i = 0; i < 300; i++) waiting.add(`${i}`, '', { objects: 1024, seconds: 1024 })
    expect(waiting.size).toBe(256)
    expect(waiting.get('299')).toBe('')
  })

  it('come to their turn though they came only once, as long as few wait', () => {
    const turns = seeds(60).map((seed) => {
      const waiting = new WaitingKids<string>(256, randomOf(seed))
      waiting.add(GENUINE, GENUINE, { objects: 1, seconds: 1 })
      for (let turn = 1; ; turn++) {
        for (let i = 0; waiting.size < 9; i++)
          waiting.add(`${turn} ${i}`, '', { objects: 1024, seconds: 60 })
        if (waiting.draw()?.value === GENUINE) return turn
      }
    })
    expect(mean(turns)).toBeLessThan(40)
  })
})

describe('what was met', () => {
  /** Has all names fall into one cell. */
  const oneCell = (name: string): Uint8Array => utf8(`\0\0${name.slice(0, 4)}`)

  it('is counted by objects, and by the seconds in which they came', () => {
    const sightings = new KidSightings(digest)
    const at = [0, 10, 999, 1000, 1001, 5000]
    const counts = at.map((nowMs) => sightings.note('aaaa', nowMs))
    expect(counts.at(-1)).toEqual({ objects: 6, seconds: 3 })
    expect(sightings.note('bbbb', 5000)).toEqual({ objects: 1, seconds: 1 })
  })

  it('is kept for whoever comes more often than all others that share its place', () => {
    const sightings = new KidSightings(oneCell)
    let nowMs = 0
    for (let i = 0; i < 100; i++) {
      sightings.note('aaaa', (nowMs += 1000))
      sightings.note('aaaa', (nowMs += 1000))
      expect(sightings.note(`x${String(i).padStart(3, '0')}`, nowMs).objects).toBe(1)
    }
    expect(sightings.note('aaaa', nowMs)).toEqual({ objects: 101, seconds: 100 })
  })

  it('is lost to whoever comes more often, however long the other came before', () => {
    const sightings = new KidSightings(oneCell)
    for (let i = 0; i < 5000; i++) sightings.note('aaaa', i * 1000)
    for (let i = 0; i < 1023; i++) sightings.note('bbbb', i * 1000)
    expect(sightings.note('bbbb', 0)).toEqual({ objects: 1, seconds: 1 })
    expect(sightings.note('bbbb', 9000)).toEqual({ objects: 2, seconds: 2 })
  })
})
