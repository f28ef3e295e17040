// SPDX-License-Identifier: Apache-2.0
/**
 * What others build for the same purpose, each behind the same two calls. An adapter uses its library
 * as the library's documentation says is fastest: keys imported once, binary where there is binary,
 * AES with 128-bit keys where there is a choice.
 *
 * @module
 */

import { readFileSync } from 'node:fs'

/** What travels: most formats are binary, JOSE is text. */
export type Sealed = Uint8Array | string

/** One way to use a library. */
export interface Peer {
  readonly name: string
  readonly version: string
  /** Which of its ways this is, and why, in one sentence. */
  readonly mode: string
  readonly signed: boolean
  /** Its state advances with each message: one at a time, and each opens once, in order. */
  readonly inOrder: boolean
  seal(plaintext: Uint8Array): Sealed | Promise<Sealed>
  open(sealed: Sealed): Uint8Array | Promise<Uint8Array>
}

/** Makes the ways that are measured of one library, with keys of their own. */
export type PeerMaker = () => Promise<readonly Peer[]>

const { version: benchVersion, devDependencies } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { readonly version: string; readonly devDependencies: Readonly<Record<string, string>> }

/** Of all packages of this repository. */
export const ownVersion: string = benchVersion

/** Dependencies are exact, so what is asked for is what is installed. */
export function peerVersion(packageName: string): string {
  const version = devDependencies[packageName]
  if (version === undefined) throw new RangeError(`${packageName} is no peer`)
  return version
}

/** For formats that are binary. */
export function bytesOf(sealed: Sealed): Uint8Array {
  if (typeof sealed === 'string') throw new TypeError('sealed must be bytes')
  return sealed
}

/** For formats that are text. */
export function textOf(sealed: Sealed): string {
  if (typeof sealed !== 'string') throw new TypeError('sealed must be text')
  return sealed
}
