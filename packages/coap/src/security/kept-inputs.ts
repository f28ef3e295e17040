// SPDX-License-Identifier: Apache-2.0
/**
 * What is kept of keys that EDHOC made: the input to a new derivation, and nothing that protects.
 *
 * Invariant: of what stands in the store no message was ever protected, and none ever is. Contexts that
 * were used are gone with the process; from an input both ends derive new ones, by RFC 8613 Appendix B.2.
 * So a store that is lost, copied or set back repeats nothing.
 *
 * @module
 */

import {
  ALG_AES_CCM_16_64_128,
  ArrayFields,
  type CborValue,
  decodeCbor,
  encodeCbor,
  equalBytes,
  malformed,
  type Store,
  toHex,
} from '@waxwing/core'
import { maxIdBytes, type SharedInput } from '@waxwing/oscore'
import { asError, type SecurityListener, tell } from './events.js'

const TABLE = 'coap-security'
const VERSION = 1
const WHAT = 'kept keys'
const MAX_KEY_CHARACTERS = 512
const MAX_ID_BYTES: number = maxIdBytes(ALG_AES_CCM_16_64_128)

/** What is kept of one exchange of EDHOC. */
export interface KeptInput {
  readonly input: SharedInput
  /** The peer's credential, by which it is known. */
  readonly credential: Uint8Array
}

/** Inputs by the authority that a client reached with them, and by the kid that a server gave out. */
export class KeptInputs {
  readonly #store: Store
  readonly #listener: SecurityListener | undefined

  constructor(store: Store, listener: SecurityListener | undefined) {
    this.#store = store
    this.#listener = listener
  }

  async ofAuthority(authority: string): Promise<KeptInput | undefined> {
    const value = await this.#store.get(TABLE, authorityKey(authority))
    return value === undefined ? undefined : this.#read(value)
  }

  /** Those of this server, by the kids that stand in them. */
  async ofServer(): Promise<readonly KeptInput[]> {
    const entries = await this.#store.scan(TABLE, { prefix: 'server/' })
    return entries.flatMap(({ value }) => this.#read(value) ?? [])
  }

  async keepForAuthority(authority: string, kept: KeptInput): Promise<void> {
    await this.#write(authorityKey(authority), encode(kept))
  }

  async keepForServer(kept: KeptInput): Promise<void> {
    await this.#write(serverKey(kept), encode(kept))
  }

  async forgetAuthority(authority: string): Promise<void> {
    await this.#write(authorityKey(authority), null)
  }

  async forgetForServer(kept: KeptInput): Promise<void> {
    await this.#write(serverKey(kept), null)
  }

  /** What is not kept is established anew after the next start: an inconvenience, and told. */
  async #write(key: string, value: Uint8Array | null): Promise<void> {
    try {
      await this.#store.write([{ table: TABLE, key, value }])
    } catch (error) {
      tell(this.#listener, { kind: 'failed', error: asError(error) })
    }
    value?.fill(0)
  }

  /** What is damaged counts as lost, for which there is a remedy. */
  #read(value: Uint8Array): KeptInput | undefined {
    try {
      return decode(value)
    } catch (error) {
      tell(this.#listener, { kind: 'failed', error: asError(error) })
      return undefined
    }
  }
}

/** @throws {RangeError} If an authority is too long for the name of a record. */
export function checkAuthorityKey(authority: string): void {
  if (authorityKey(authority).length <= MAX_KEY_CHARACTERS) return
  throw new RangeError(`authorities must be shorter, got ${authority.length} characters`)
}

function authorityKey(authority: string): string {
  return `client/${encodeURIComponent(authority)}`
}

function serverKey({ input }: KeptInput): string {
  return `server/${toHex(input.recipientId)}`
}

function encode({ input, credential }: KeptInput): Uint8Array {
  const { masterSecret, masterSalt = new Uint8Array(0), senderId, recipientId } = input
  const fields: readonly CborValue[] = [VERSION, masterSecret, masterSalt, senderId, recipientId]
  return encodeCbor([...fields, credential])
}

/** @throws {WaxwingError} `ERR_MALFORMED` if nothing can be derived from it. */
function decode(value: Uint8Array): KeptInput {
  const fields = new ArrayFields(WHAT, decodeCbor(value.slice(), WHAT), 6)
  fields.uint(0, 'version', { min: VERSION, max: VERSION })
  const input = {
    masterSecret: fields.bytes(1, 'master secret', { min: 1 }),
    masterSalt: fields.bytes(2, 'master salt'),
    senderId: fields.bytes(3, 'sender id', { max: MAX_ID_BYTES }),
    recipientId: fields.bytes(4, 'recipient id', { max: MAX_ID_BYTES }),
  }
  if (equalBytes(input.senderId, input.recipientId)) throw malformed(WHAT, 'recipient id')
  return { input, credential: fields.bytes(5, 'credential') }
}
