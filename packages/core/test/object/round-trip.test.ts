// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import {
  decodeObject,
  encodeMetadata,
  GenerationOpener,
  isContentAlgorithm,
  NodeRing,
  ObjectSealer,
  principalId,
  rootNode,
  signManifest,
  Trust,
  utf8,
  type ContentAlgorithm,
  type CryptoProvider,
  type SignatureMode,
} from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import { pureProvider } from '@waxwing/core/pure'
import { sodiumProvider } from '@waxwing/core/sodium'

const PROVIDERS = [sodiumProvider, nodeProvider, pureProvider]
const EPOCH = 494_000

function stream(crypto: CryptoProvider, alg: ContentAlgorithm, signatureMode: SignatureMode) {
  const signingKey = crypto.ed25519SigningKey(new Uint8Array(32).fill(7))
  const trust = new Trust({ crypto })
  const producer = trust.pin({ publicKey: signingKey.publicKey, name: 'plant', produces: ['#'] })
  const manifest = signManifest(
    crypto,
    {
      domainId: null,
      producerId: principalId(crypto, signingKey.publicKey),
      streamName: 'plant/1/temperature',
      nonce: new Uint8Array(16),
      epochSeconds: 3600,
      alg,
      kidBytes: 8,
      counterMode: 'session',
      signatureMode,
      historyMode: 'keep',
      predecessor: null,
    },
    signingKey,
  )
  const ring = new NodeRing(crypto)
  ring.addProven([rootNode(new Uint8Array(32).fill(9))], { name: 'own', giver: 'own', distance: 0 })
  const [candidate] = ring.candidates(EPOCH)
  if (candidate === undefined) throw new Error('no candidate')
  const sealer = new ObjectSealer({
    crypto,
    manifest,
    leaf: candidate.leaf(),
    epoch: EPOCH,
    session: new Uint8Array(7).fill(3),
    signingKey: signatureMode === 'none' ? undefined : signingKey,
  })
  const opener = new GenerationOpener({ crypto, trust, manifest, producer, ring })
  return { manifest, sealer, opener }
}

const NO_METADATA = encodeMetadata({})

describe.each(PROVIDERS)('objects with the $name provider', (crypto) => {
  const cases = [...crypto.aeads]
    .filter(isContentAlgorithm)
    .flatMap((alg) => (['each', 'none'] as const).map((mode) => ({ alg, mode })))
  it.each(cases)('open as they were sealed: alg $alg, signature $mode', ({ alg, mode }) => {
    const { sealer, opener } = stream(crypto, alg, mode)
    const longest = crypto.name === 'pure' ? 40 : 300
    for (let i = 0; i < longest; i++) {
      const plaintext = utf8('x'.repeat(i))
      const clearPart = i % 3 === 0 ? utf8(`clear ${i}`) : undefined
      const object = sealer.seal({ metadata: NO_METADATA, plaintext, clearPart })
      const outcome = opener.open(decodeObject(object))
      if (outcome.kind !== 'opened') throw new Error(outcome.kind)
      expect(outcome.plaintext).toEqual(plaintext)
      expect(outcome.counter).toBe(i)
      expect(outcome.clearPart).toEqual(clearPart)
      expect(outcome.signed).toBe(mode === 'each')
    }
  })

  it('add at most 130 bytes signed and 62 unsigned', () => {
    const plaintext = new Uint8Array(256)
    const signed = stream(crypto, 24, 'each').sealer.seal({ metadata: NO_METADATA, plaintext })
    const unsigned = stream(crypto, 24, 'none').sealer.seal({ metadata: NO_METADATA, plaintext })
    expect(signed.length - plaintext.length).toBeLessThanOrEqual(130)
    expect(unsigned.length - plaintext.length).toBeLessThanOrEqual(62)
  }, 60_000)

  it('do not open with any one bit changed', () => {
    const { sealer, opener } = stream(crypto, 24, 'each')
    const object = sealer.seal({
      metadata: NO_METADATA,
      plaintext: utf8('21.5'),
      clearPart: utf8('c'),
    })
    for (let bit = 0; bit < object.length * 8; bit++) {
      const changed = object.slice()
      changed[bit >> 3]! ^= 1 << (bit & 7)
      const outcome = openOrError(opener, changed)
      expect(outcome, `bit ${bit}`).not.toBe('opened')
    }
  })
})

function openOrError(opener: GenerationOpener, bytes: Uint8Array): string {
  try {
    return opener.open(decodeObject(bytes)).kind
  } catch (error) {
    return (error as { code: string }).code
  }
}
