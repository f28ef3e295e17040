// SPDX-License-Identifier: Apache-2.0
/**
 * Addresses of names, for a client.
 *
 * @module
 */

import { lookup as lookUp } from 'node:dns/promises'
import { isIP } from 'node:net'
import { WaxwingError } from '@waxwing/core'

/** Finds the numeric address of a host name. */
export type Lookup = (host: string) => Promise<string>

/** How long an answer is used again: a burst of requests asks once. */
const LIFETIME_MS = 10_000
const MAX_NAMES = 256

interface Known {
  readonly address: Promise<string>
  readonly untilMs: number
}

/** Host names, looked up and kept for a moment. */
export class Hosts {
  readonly #lookup: Lookup
  readonly #known = new Map<string, Known>()

  /** @param lookup - Default: that of the machine, IPv4 first, which is what most servers listen on. */
  constructor(lookup: Lookup = systemLookup) {
    this.#lookup = lookup
  }

  /**
   * The address of a name.
   *
   * @throws {WaxwingError} `ERR_TRANSPORT` if the name has none.
   */
  async find(host: string): Promise<string> {
    const known = this.#known.get(host)
    if (known !== undefined && performance.now() < known.untilMs) return known.address
    if (this.#known.size >= MAX_NAMES) this.#known.clear()
    const address = this.#ask(host)
    this.#known.set(host, { address, untilMs: performance.now() + LIFETIME_MS })
    address.catch(() => this.#known.delete(host)) // the next request tries again
    return address
  }

  async #ask(host: string): Promise<string> {
    try {
      const address = await this.#lookup(host)
      if (isIP(address) === 0) throw new TypeError(`lookup must give an IP address, got ${address}`)
      return address
    } catch (cause) {
      const message = `the address of ${host} was not found`
      throw new WaxwingError('ERR_TRANSPORT', message, { field: 'host' }, { cause })
    }
  }
}

async function systemLookup(host: string): Promise<string> {
  const { address } = await lookUp(host, { order: 'ipv4first' })
  return address
}
