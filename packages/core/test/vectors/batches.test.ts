// SPDX-License-Identifier: Apache-2.0
import {
  decodeObject,
  deriveLeaf,
  fromHex,
  ObjectSealer,
  rootNode,
  signBatch,
  toHex,
} from '@waxwing/core'
import { describe, expect, it } from 'vitest'
import { BatchHasher, buildTree } from '../../src/object/batch-tree.js'
import { providers } from '../crypto/providers.js'
import {
  manifestOf,
  openerOf,
  raise,
  type Circumstances,
  type Opening,
} from '../support/object-vectors.js'
import { bytes, expectResults, nameOf, vectorsOf, type VectorCase } from '../support/vectors.js'

interface Member {
  readonly epoch: number
  readonly session: string
  readonly counter: number
  readonly metadata: string
  readonly plaintext: string
  readonly clearPart?: string
  readonly countersignStructure: string
  readonly leafHash: string
  readonly path: string
  readonly object: string
}

interface Batch extends Circumstances {
  readonly signingSeed: string
  readonly generationId: string
  readonly merkleRoot: string
  readonly signature: string
  readonly objects: readonly Member[]
}

interface Framing extends VectorCase {
  readonly object: string
}

const tests = vectorsOf<VectorCase>('batches')
const batches = tests.filter((test): test is Batch => 'objects' in test)
const refused = tests.filter((test): test is Opening => 'root' in test && 'object' in test)
const framings = tests.filter((test): test is Framing => !('root' in test))

describe.each(providers)('the vectors of batches with the $name provider', (crypto) => {
  it('are sealed and signed byte for byte', () => {
    for (const test of batches) {
      const manifest = manifestOf(crypto, test)
      const key = crypto.ed25519SigningKey(fromHex(test.signingSeed))
      const unsigned = test.objects.map((member) => {
        const { epoch, counter } = member
        const leaf = deriveLeaf(crypto, rootNode(fromHex(test.root)), epoch)
        const session = fromHex(member.session)
        const inputs = { crypto, manifest, leaf, epoch, session, signingKey: key }
        return new ObjectSealer(inputs, counter).sealUnsigned({
          metadata: fromHex(member.metadata),
          plaintext: fromHex(member.plaintext),
          clearPart: bytes(member.clearPart),
        })
      })
      const { generationId } = manifest
      const objects = signBatch(crypto, unsigned, { generationId, key })
      expect(objects.map(toHex), nameOf(test)).toEqual(test.objects.map(({ object }) => object))
    }
  })

  it('have this tree', () => {
    const hasher = new BatchHasher(crypto)
    for (const test of batches) {
      const leaves = test.objects.map((member) => hasher.leaf(fromHex(member.countersignStructure)))
      expect(leaves.map(toHex)).toEqual(test.objects.map(({ leafHash }) => leafHash))
      const { root, paths } = buildTree(hasher, leaves)
      expect(toHex(root)).toBe(test.merkleRoot)
      expect(paths.map(toHex)).toEqual(test.objects.map(({ path }) => path))
    }
  })

  it('open, each alone and all together', () => {
    for (const test of batches) {
      const together = openerOf(crypto, test)
      for (const member of test.objects) {
        for (const opener of [together, openerOf(crypto, test)]) {
          const outcome = opener.open(decodeObject(fromHex(member.object)))
          raise(outcome)
          const { plaintext, counter } = member
          expect(outcome).toMatchObject({ counter, plaintext: fromHex(plaintext), signed: true })
        }
      }
    }
  })

  it('do not open, as they say', () => {
    expect(refused.length).toBeGreaterThan(20)
    expectResults(refused, (test) => {
      raise(openerOf(crypto, test).open(decodeObject(fromHex(test.object))))
    })
  })
})

describe('the vectors of batches', () => {
  it('decode, or do not, as they say', () => {
    expectResults(framings, ({ object }) => {
      decodeObject(fromHex(object))
    })
    for (const { object } of refused) decodeObject(fromHex(object))
  })
})
