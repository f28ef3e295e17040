// SPDX-License-Identifier: Apache-2.0
/**
 * Enrolment requests: a new principal shows that it has its key and says what it would like to be
 * (`docs/spec/07-granting.md` Section 7.9). The anchor answers with a credential.
 *
 * @module
 */

import { utf8 } from '../bytes.js'
import type { CborValue } from '../cbor/cbor.js'
import { coseKeyToCbor, parseCoseKey } from '../cose/key.js'
import { malformed } from '../errors.js'
import { isNamePattern } from '../stream/name-pattern.js'
import type { BodyCodec } from './body.js'

const MAX_NAMES = 32
const MAX_TEXT_BYTES = 255

export interface Enrol {
  /** Ed25519 public key of the new principal. */
  readonly publicKey: Uint8Array
  readonly name: string
  readonly unit?: string | undefined
  readonly roles: readonly string[]
  /** Patterns of the stream names that it would like to produce. */
  readonly produces: readonly string[]
  /** A one-time secret by which the anchor recognises who asks. */
  readonly token?: Uint8Array | undefined
}

export const enrolCodec: BodyCodec<Enrol> = {
  toCbor({ publicKey, name, unit, roles, produces, token }) {
    const fields: [number, CborValue][] = [
      [0, coseKeyToCbor({ kind: 'ed25519', publicKey })],
      [1, name],
      [3, roles],
      [4, produces],
    ]
    if (unit !== undefined) fields.push([2, unit])
    if (token !== undefined) fields.push([5, token])
    return fields
  },
  fromFields(map, from) {
    const key = parseCoseKey(map.value(from, 'COSE_Key'), 'enrol')
    if (key.kind !== 'ed25519') throw malformed('enrol', 'COSE_Key')
    const produces = texts(map.array(from + 4, 'produces', { max: MAX_NAMES }), 'produces')
    if (!produces.every(isNamePattern)) throw malformed('enrol', 'produces')
    return {
      publicKey: key.publicKey,
      name: map.text(from + 1, 'name', { minBytes: 1, maxBytes: MAX_TEXT_BYTES }),
      unit: map.optText(from + 2, 'unit', { minBytes: 1, maxBytes: MAX_TEXT_BYTES }),
      roles: texts(map.array(from + 3, 'roles', { max: MAX_NAMES }), 'roles'),
      produces,
      token: map.optBytes(from + 5, 'token', { min: 16, max: 64 }),
    }
  },
}

function texts(list: readonly CborValue[], field: string): readonly string[] {
  return list.map((item) => {
    if (typeof item !== 'string' || item === '' || utf8(item).length > MAX_TEXT_BYTES) {
      throw malformed('enrol', field)
    }
    return item
  })
}
