// SPDX-License-Identifier: Apache-2.0
/**
 * One after the other for each kid: nothing of a generation overtakes what waits for the store, for
 * room or for the parked objects to be handed over first. Where nothing waits, all is synchronous.
 *
 * @module
 */

export type LaneTask = () => Promise<void> | undefined

interface Waiting {
  readonly task: LaneTask
  readonly resolve: (result: Promise<void> | undefined) => void
}

export class KidLanes {
  /** What waits, by kid; there only while a task of the kid runs. */
  readonly #lanes = new Map<string, Waiting[]>()

  /** Runs a task behind all others of its kid. Tasks do not reject. */
  run(kid: string, task: LaneTask): Promise<void> | undefined {
    const waiting = this.#lanes.get(kid)
    if (waiting === undefined) return this.#start(kid, task)
    return new Promise((resolve) => {
      waiting.push({ task, resolve })
    })
  }

  /** Runs a task before all others of its kid that have not begun. */
  runFirst(kid: string, task: LaneTask): Promise<void> | undefined {
    const waiting = this.#lanes.get(kid)
    if (waiting === undefined) return this.#start(kid, task)
    return new Promise((resolve) => {
      waiting.unshift({ task, resolve })
    })
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
      const running = next.task()
      next.resolve(running)
      if (running === undefined) continue
      void running.finally(() => this.#next(kid))
      return
    }
    this.#lanes.delete(kid)
  }
}
