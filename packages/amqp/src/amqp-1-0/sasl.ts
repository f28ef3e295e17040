// SPDX-License-Identifier: Apache-2.0
/**
 * How a client says who it is (AMQP 1.0 Part 5, Section 5.3): PLAIN with a user name, EXTERNAL with a
 * certificate, ANONYMOUS without either; never another one than that.
 *
 * rhea's own PLAIN counts characters where bytes are meant, and cuts what is not ASCII.
 *
 * @module
 */

import type { ResolvedOptions } from './options.js'

type Answer = (error: undefined, response: Buffer) => void

interface Mechanism {
  start(answer: Answer): void
}

/** The one mechanism that these options mean, by its name, as rhea takes it. */
export function mechanismsOf(
  { username, tls }: Pick<ResolvedOptions, 'username' | 'tls'>,
  password: string | undefined,
): Readonly<Record<string, () => Mechanism>> {
  const says = (text: string) => (): Mechanism => ({
    start: (answer) => answer(undefined, Buffer.from(text, 'utf8')),
  })
  if (username !== undefined) return { PLAIN: says(`\0${username}\0${password ?? ''}`) }
  if (tls?.cert !== undefined) return { EXTERNAL: says('') }
  return { ANONYMOUS: says('waxwing') }
}
