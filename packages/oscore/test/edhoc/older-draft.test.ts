// SPDX-License-Identifier: Apache-2.0
/**
 * What an older draft (15) has in common with RFC 9528: keys, secrets, message_1 and credentials. Its
 * key schedule is another.
 */

import { decodeCbor, fromHex, toHex } from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import { pureProvider } from '@waxwing/core/pure'
import { expect, it } from 'vitest'
import { ccsCredential, x509Credential } from '../../src/edhoc/index.js'
import { decodeMessage1, encodeMessage1 } from '../../src/edhoc/messages.js'
import { describePublished } from '../support/published.js'

type DraftVector = Readonly<Record<string, string>>

const FILE = 'edhoc/test-vectors-15/vectors-p256.json'

describePublished<Readonly<Record<string, DraftVector>>>('draft vectors', FILE, (file) => {
  const vectors = Object.values(file)
  const providers = [nodeProvider, pureProvider]

  it('have the key pairs and shared secrets of P-256', () => {
    expect(vectors).toHaveLength(6)
    for (const { ecdh } of providers) {
      for (const vector of vectors) {
        const secrets = ['x', 'y', 'i', 'r'].flatMap((name) => {
          const [secret, publicKey] = [vector[`${name}_raw`], vector[`g_${name}_raw`]]
          if (secret === undefined || publicKey === undefined) return []
          const key = ecdh.p256.importSecretKey(fromHex(secret))
          expect(toHex(key.publicKey)).toBe(publicKey)
          return [[name, key] as const]
        })
        const keys = new Map(secrets)
        for (const [a, b] of ['xy', 'rx', 'iy']) {
          const shared = vector[`g_${a!}${b!}_raw`]
          if (shared === undefined) continue
          const [one, other] = [keys.get(a!)!, keys.get(b!)!]
          expect(toHex(one.agree(other.publicKey))).toBe(shared)
          expect(toHex(other.agree(one.publicKey))).toBe(shared)
        }
      }
    }
  })

  it('have messages that are read and written as they are', () => {
    for (const { message_1: hex, method, c_i: cI, g_x_raw: gX } of vectors) {
      const message = decodeMessage1(fromHex(hex!))
      expect(message).toEqual({
        method: Number(method),
        suitesI: [2],
        gX: fromHex(gX!),
        cI: fromHex(cI!),
        ead: [],
      })
      expect(toHex(encodeMessage1(message))).toBe(hex)
    }
  })

  it('have claims with the keys of those who show them, and certificates in byte strings', () => {
    let claimsCount = 0
    for (const vector of vectors) {
      for (const side of ['i', 'r']) {
        const encoded = fromHex(vector[`cred_${side}`]!)
        const value = decodeCbor(encoded, 'CRED_x')
        const publicKey = { curve: 'p256', x: new Uint8Array(32) } as const
        if (value instanceof Uint8Array) {
          expect(x509Credential(value, publicKey).encoded).toEqual(encoded)
          continue
        }
        const { x } = ccsCredential(encoded).publicKey
        expect(vector[`g_${side}_raw`] ?? vector[`pk_${side}_raw`]!.slice(2, 66)).toBe(toHex(x))
        claimsCount += 1
      }
    }
    expect(claimsCount).toBeGreaterThan(0)
  })
})
