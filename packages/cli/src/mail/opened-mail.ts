// SPDX-License-Identifier: Apache-2.0
/**
 * What becomes of what was opened: files go into a folder, and all else is printed.
 *
 * One thing at a time, whether it comes from a mail or from what waited for a grant. Nothing is
 * acknowledged before it is printed, or on disk.
 *
 * @module
 */

import type { Message } from '@waxwing/client'
import { messageLines, messageValue } from '../message-text.js'
import type { Output } from '../output.js'
import { isOfFile } from '../transfers/incoming-files.js'
import type { Receiving } from '../transfers/receiving.js'

export class OpenedMail {
  /** Messages that are no files. */
  messages = 0
  readonly #output: Output
  readonly #receiving: Receiving
  #line: Promise<void> = Promise.resolve()

  constructor(output: Output, receiving: Receiving) {
    this.#output = output
    this.#receiving = receiving
  }

  /** @throws {Error} What the file system or the store refuses. */
  take(message: Message): Promise<void> {
    return this.#inLine(async () => {
      if (isOfFile(message)) return this.#receiving.take(message)
      this.messages++
      this.#output.result(messageValue(message), messageLines(message))
      await message.acknowledge()
    })
  }

  /** Makes safe what was taken, and gives complete files their names. */
  flush(): Promise<void> {
    return this.#inLine(async () => {
      await this.#receiving.flush()
      await this.#receiving.finish()
    })
  }

  #inLine(work: () => Promise<void>): Promise<void> {
    const done = this.#line.then(work)
    this.#line = done.catch(() => undefined) // who asked for it is told
    return done
  }
}
