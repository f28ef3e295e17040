// SPDX-License-Identifier: Apache-2.0
/**
 * One after the other for each kid: nothing of a generation overtakes what waits for the store, for
 * room or for the parked objects to be handed over first. Where nothing waits, all is synchronous.
 *
 * While something of a kid waits for a store that fails, its lane is held. That may last, and is no
 * reason to stop the others: so many tasks wait behind without holding up who brings the next.
 *
 * @module
 */

export type LaneTask = () => Promise<void> | undefined

interface Waiting {
  readonly task: LaneTask
  readonly resolve: (result: Promise<void> | undefined) => void
  /** Put before all others. */
  readonly isFirst: boolean
}

/** Tasks that wait, in all lanes, before held ones hold up who brings the next. */
const MAX_BEHIND = 64

export class KidLanes {
  /** What waits, by kid; there only while a task of the kid runs. */
  readonly #lanes = new Map<string, Waiting[]>()
  /** Kids of which something waits for the store. */
  readonly #held = new Set<string>()
  #waitingCount = 0

  /**
   * Runs a task behind all others of its kid. Tasks do not reject.
   *
   * @returns What resolves when the next may be brought; `undefined` if it may be at once.
   */
  run(kid: string, task: LaneTask): Promise<void> | undefined {
    const waiting = this.#lanes.get(kid)
    if (waiting === undefined) return this.#start(kid, task)
    const began = this.#wait(waiting, waiting.length, { task, isFirst: false })
    return this.#held.has(kid) && this.#waitingCount <= MAX_BEHIND ? undefined : began
  }

  /** Runs a task before all others of its kid that have not begun. */
  runFirst(kid: string, task: LaneTask): Promise<void> | undefined {
    const waiting = this.#lanes.get(kid)
    if (waiting === undefined) return this.#start(kid, task)
    return this.#wait(waiting, 0, { task, isFirst: true })
  }

  /**
   * Lets those go first that were put before all others while a task waited.
   *
   * @param rest - What is left of the task that runs; it goes on right behind them.
   * @returns `undefined` if there are none: then it is to go on at once.
   */
  giveWay(kid: string, rest: LaneTask): Promise<void> | undefined {
    const waiting = this.#lanes.get(kid)
    if (waiting?.[0]?.isFirst !== true) return undefined
    const at = waiting.findIndex(({ isFirst }) => !isFirst)
    const place = at === -1 ? waiting.length : at
    return this.#wait(waiting, place, { task: rest, isFirst: false })
  }

  /** Something of a kid waits for the store, in a task of its lane. */
  hold(kid: string): void {
    this.#held.add(kid)
    for (const { resolve } of this.#lanes.get(kid) ?? []) resolve(undefined)
  }

  /** Nothing of a kid waits for the store any more. */
  letGo(kid: string): void {
    this.#held.delete(kid)
  }

  isHeld(kid: string): boolean {
    return this.#held.has(kid)
  }

  #wait(waiting: Waiting[], at: number, what: Omit<Waiting, 'resolve'>): Promise<void> {
    this.#waitingCount++
    return new Promise((resolve) => waiting.splice(at, 0, { ...what, resolve }))
  }

  #start(kid: string, task: LaneTask): Promise<void> | undefined {
    this.#lanes.set(kid, [])
    const running = task()
    if (running === undefined) this.#next(kid)
    return running?.finally(() => this.#next(kid))
  }

  #next(kid: string): void {
    const waiting = this.#lanes.get(kid)
    for (let next = waiting?.shift(); next !== undefined; next = waiting?.shift()) {
      this.#waitingCount--
      const running = next.task()
      next.resolve(running)
      if (running === undefined) continue
      void running.finally(() => this.#next(kid))
      return
    }
    this.#lanes.delete(kid)
  }
}
