// SPDX-License-Identifier: Apache-2.0
import {
  decodeLink,
  fromHex,
  signLink,
  toHex,
  verifyGrant,
  type CryptoProvider,
  type VerifiedGrant,
} from '@waxwing/core'
import { describe, expect, it } from 'vitest'
import { seedOf } from '../../../../tools/vectors/frozen/primitives.ts'
import { providers } from '../crypto/providers.js'
import { hexed, said } from '../support/hexed.js'
import {
  bytes,
  expectResults,
  nameOf,
  trustIn,
  vectorsOf,
  type VectorCase,
} from '../support/vectors.js'

interface LinkCase extends VectorCase {
  readonly link: string
  readonly payload?: string
}

interface GrantCase extends VectorCase {
  readonly bundle: string
  readonly partnerBundles?: readonly string[]
  readonly pinned?: readonly {
    readonly publicKey: string
    readonly name: string
    readonly produces: readonly string[]
  }[]
  readonly now: number
  readonly issued: number
  readonly grantee: string
  readonly kemKey: string | null
  readonly manifest: string
  readonly chain: readonly string[]
  readonly nodes: string
  readonly generationId?: string
  readonly issuers?: readonly string[]
}

const links = vectorsOf<LinkCase>('links')
const grants = vectorsOf<GrantCase>('grants')

describe.each(providers)('with the $name provider', (crypto) => {
  it('links decode, or do not, as the vectors say', () => {
    expectResults(links, (test) => {
      const { statement, ...fields } = decodeLink(crypto, fromHex(test.link))
      const found = hexed({ ...fields, payload: statement.payload })
      expect(found).toMatchObject(said(test, ['link']))
    })
  })

  it('links are signed byte for byte', () => {
    for (const test of links.filter(({ payload }) => payload !== undefined)) {
      const fields = decodeLink(crypto, fromHex(test.link))
      const link = signLink(fields, crypto.ed25519SigningKey(seedOf('plant')))
      expect(toHex(link), nameOf(test)).toBe(test.link)
    }
  })

  it('grants are believed, or refused, as the vectors say', () => {
    expectResults(grants, (test) => {
      const grant = verified(crypto, test)
      if (test.issuers === undefined) return
      const { generationId, span, rights, depth, end } = grant
      const issuers = grant.issuers.map(({ id }) => toHex(id))
      const found = { generationId: toHex(generationId), span, rights, depth, end, issuers }
      expect(test).toMatchObject(found)
    })
  })
})

describe('the vectors of grants', () => {
  it('have cases over one to four links, and for every rule', () => {
    const counts = grants.filter(({ issuers }) => issuers).map(({ chain }) => chain.length)
    expect(counts).toEqual([1, 2, 3, 4])
    const rules = new Set(grants.map(({ rule }) => rule).filter((rule) => rule !== undefined))
    expect([...rules].join(', ')).toBe(
      'parent, first issuer, issuer, generation id, grant id, rights, depth, span, end, issued, ' +
        'lease, nodes digest, chain length',
    )
  })
})

function verified(crypto: CryptoProvider, test: GrantCase): VerifiedGrant {
  const trust = trustIn(crypto, test.bundle, test.partnerBundles)
  for (const { publicKey, name, produces } of test.pinned ?? []) {
    trust.pin({ publicKey: fromHex(publicKey), name, produces })
  }
  const grant = {
    manifest: fromHex(test.manifest),
    chain: test.chain.map((link) => fromHex(link)),
    nodes: fromHex(test.nodes),
  }
  const { now, issued } = test
  const grantee = fromHex(test.grantee)
  return verifyGrant(grant, { crypto, trust, now, issued, grantee, kemKey: bytes(test.kemKey) })
}
