// SPDX-License-Identifier: Apache-2.0
/**
 * Work that is done in rounds, one at a time: whoever asks while one is under way gets one more, which
 * stands for all who asked meanwhile.
 *
 * @module
 */

export class Rounds {
  readonly #round: () => Promise<void>
  readonly #goesOn: () => boolean
  #isAskedFor = false
  #underWay: Promise<void> | undefined

  /**
   * @param round - Never rejects.
   * @param goesOn - Whether there is reason for a further round.
   */
  constructor(round: () => Promise<void>, goesOn: () => boolean) {
    this.#round = round
    this.#goesOn = goesOn
  }

  /** Whether there is one more to come. */
  get isAskedFor(): boolean {
    return this.#isAskedFor
  }

  /** @returns What resolves when nobody asks any more. */
  ask(): Promise<void> {
    this.#isAskedFor = true
    this.#underWay ??= this.#run()
    return this.#underWay
  }

  async #run(): Promise<void> {
    await Promise.resolve() // so that it is under way before it is over
    while (this.#isAskedFor && this.#goesOn()) {
      this.#isAskedFor = false
      await this.#round()
    }
    this.#underWay = undefined
  }
}
