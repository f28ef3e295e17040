// SPDX-License-Identifier: Apache-2.0
import {
  decodeMessage,
  decodeStatement,
  fromHex,
  verifyStatement,
  type DecodedStatement,
} from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import { seededRandom } from '@waxwing/client/testing'
import { describe, expect, it } from 'vitest'
import { seedOf } from '../../../tools/vectors/frozen/primitives.ts'
import { bytesOfItem, treeOf } from '../../src/hostile/cbor-tree.ts'
import { casesOf, fieldOf } from '../../src/hostile/seeds.ts'
import { signerOfVectors } from '../../src/hostile/signing.ts'
import { TreeMutator } from '../../src/hostile/tree-mutator.ts'

const messages = fieldOf('message', 'requests', 'grant-messages')

describe('CBOR as a tree', () => {
  it('is written as it was read', () => {
    const right = casesOf('requests').filter(({ result }) => result === 'valid')
    const bytes = right.map(({ message }) => fromHex(message as string))
    expect(bytes.length).toBeGreaterThan(3)
    for (const message of bytes) expect(bytesOfItem(treeOf(message)!)).toEqual(message)
  })

  it('is nothing where the bytes are cut short, or more than one item', () => {
    for (const bytes of ['', '18', '8201', '5f', '0000', '9bffffffffffffffff']) {
      expect(treeOf(fromHex(bytes))).toBeUndefined()
    }
  })
})

describe('changes to what CBOR says', () => {
  const decoded = (bytes: Uint8Array | undefined): DecodedStatement | undefined => {
    try {
      return bytes && decodeStatement(bytes)
    } catch {
      return undefined
    }
  }

  it('leave many statements that decode and say something else', () => {
    const mutator = new TreeMutator(seededRandom(1))
    const [seed, other] = [messages[0]!, messages[1]!]
    const changed = Array.from({ length: 500 }, () => mutator.mutate(seed, other))
    const others = changed.filter((bytes) => {
      return decoded(bytes) !== undefined && Buffer.compare(bytes!, seed) !== 0
    })
    expect(others.length).toBeGreaterThan(50)
    const read = others.filter((bytes) => {
      try {
        return decodeMessage(sodiumProvider, bytes!).bytes.length > 0
      } catch {
        return false
      }
    })
    expect(read.length).toBeGreaterThan(5)
  })

  it('are signed again, so that many of them verify', () => {
    const mutator = new TreeMutator(seededRandom(1), { ...signerOfVectors(), recipients: [null] })
    const { publicKey } = sodiumProvider.ed25519SigningKey(seedOf('plant'))
    const key = sodiumProvider.ed25519VerifyingKey(publicKey)
    const manifests = fieldOf('manifest', 'manifests')
    let verified = 0
    for (let i = 0; i < 500; i++) {
      const statement = decoded(mutator.mutate(manifests[0]!, manifests[1]!))
      if (statement === undefined || Buffer.compare(statement.bytes, manifests[0]!) === 0) continue
      try {
        verifyStatement(statement, key, null)
        verified++
      } catch {
        continue
      }
    }
    expect(verified).toBeGreaterThan(50)
  })
})
