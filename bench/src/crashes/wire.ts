// SPDX-License-Identifier: Apache-2.0
/**
 * Every object that the broker ever carried, as a witness without keys sees it, and what must hold of
 * them over all lives of their producer: no nonce of a content key again (`docs/spec/05-keys.md`
 * Section 5.5), and no epoch back within a generation (Section 5.6).
 *
 * @module
 */

import { createHash } from 'node:crypto'
import mqtt from 'mqtt'
import { decodeObject, toHex } from '@waxwing/core'
import { nameOf } from './life-log.ts'

export class Wire {
  /** The names of the objects. */
  readonly carried: Set<string> = new Set()
  readonly problems: string[] = []
  /** The names of those that were sent again as they were: nobody had told their sender that they came. */
  readonly sentAgain: Set<string> = new Set()
  /** Digests by name. */
  readonly #objects = new Map<string, string>()
  /** The latest epoch by kid. */
  readonly #epochs = new Map<string, number>()
  #repeated = 0

  /** How often something was sent again. */
  get repeated(): number {
    return this.#repeated
  }

  get generations(): number {
    return this.#epochs.size
  }

  /** Takes what was carried. @throws {WaxwingError} If it is no object. */
  take(payload: Uint8Array): void {
    const object = decodeObject(payload)
    const kid = toHex(object.kid)
    const name = nameOf({ kid, session: toHex(object.session), counter: object.counter })
    const digest = createHash('sha256').update(payload).digest('base64')
    const known = this.#objects.get(name)
    if (known === digest) {
      this.#repeated++
      this.sentAgain.add(name)
      return
    }
    if (known !== undefined) this.problems.push(`${name}: two objects have one nonce`)
    this.#objects.set(name, digest)
    this.carried.add(name)
    this.#takeEpoch(kid, object.epoch, name)
  }

  #takeEpoch(kid: string, epoch: number, name: string): void {
    const latest = this.#epochs.get(kid) ?? 0
    if (epoch < latest) this.problems.push(`${name}: epoch ${epoch} after ${latest}`)
    this.#epochs.set(kid, Math.max(latest, epoch))
  }
}

/** Writes down all that a broker carries on the address of a stream. */
export async function witness(
  url: string,
  stream: string,
): Promise<{ wire: Wire; close: () => Promise<void> }> {
  const wire = new Wire()
  const client = await mqtt.connectAsync(url, { protocolVersion: 5 })
  client.on('message', (_, payload) => wire.take(new Uint8Array(payload)))
  await client.subscribeAsync(stream, { qos: 1 })
  return { wire, close: () => client.endAsync() }
}
