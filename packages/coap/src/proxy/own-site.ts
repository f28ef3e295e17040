// SPDX-License-Identifier: Apache-2.0
/**
 * Whether a request of HTTP is one that a web page of somebody else had a browser make. Any page can have
 * that asked what only the browser's machine reaches, such as its loopback.
 *
 * Three things tell: Sec-Fetch-Site and Origin, which no page can set or leave out, and Host. A page whose
 * own name was made to lead here (DNS rebinding) is of one site with the proxy to the browser, but its
 * name is none of the proxy's. Neither is an address that is a detour to loopback, such as 0.0.0.0: only on
 * the way to loopback itself, and over TLS, do browsers send Sec-Fetch-Site.
 *
 * @module
 */

import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { plainAddress } from '../messaging/addresses.js'
import { HttpRefusal } from './http-refusal.js'

export interface OwnSiteOptions {
  /**
   * Names and addresses by which clients may know the proxy, as Host says them, without a port. `localhost`,
   * `host` and the address that a client is connected to are among them.
   */
  readonly names?: readonly string[]
  /**
   * Whether requests that pages of other sites had made, and those for other names, are left to `authorize`
   * alone. Right only where that wants what no browser adds by itself, such as a token: neither an address
   * nor a certificate nor a cookie tells a page from its reader. Default `false`.
   */
  readonly otherSites?: boolean
}

/** The site that a proxy is. */
export class OwnSite {
  readonly #names: ReadonlySet<string>
  readonly #otherSites: boolean

  constructor({ names = [], otherSites = false }: OwnSiteOptions) {
    this.#names = new Set(['localhost', ...names.map((name) => name.toLowerCase())])
    this.#otherSites = otherSites
  }

  /** @throws {HttpRefusal} 421 for a name that is not the proxy's, 403 for another site. */
  assertOwn({ headers, socket }: IncomingMessage): void {
    if (this.#otherSites) return
    const host = headers.host?.toLowerCase() ?? ''
    if (!this.#isOwn(host, socket)) throw new HttpRefusal(421, 'this is not known by that name')
    const site = headers['sec-fetch-site'] ?? 'none'
    const own = `${socket instanceof TLSSocket ? 'https' : 'http'}://${host}`
    const isForeign = site !== 'none' && site !== 'same-origin'
    if (isForeign || (headers.origin ?? own) !== own) {
      throw new HttpRefusal(403, 'not for pages of other sites')
    }
  }

  #isOwn(host: string, { localAddress = '' }: Socket): boolean {
    const name = host.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1')
    if (name === '') return false
    // Host has no zone.
    return this.#names.has(name) || name === plainAddress(localAddress).replace(/%.*$/, '')
  }
}
