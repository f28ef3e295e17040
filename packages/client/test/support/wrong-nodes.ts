import { NodeRing, rootNode, toBase64Url } from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import type { Generation } from '../../src/generation.js'
import type { Authority } from '../../src/granting/authority.js'
import type { FixedTerms } from '../../src/granting/terms.js'
import { DAY, START } from './plant.js'
import type { Resident } from './town.js'

const ALWAYS: FixedTerms = {
  from: (START - DAY) / 1000,
  until: null,
  leaseSeconds: null,
  rights: 'read',
  depth: null,
}

/** A lawful grant of all of a stream, sealed, with nodes that its issuer made up. */
export async function wrongGrant(
  { endpoint: giver }: Resident,
  { endpoint: grantee }: Resident,
  stream: string,
  change: Partial<FixedTerms> = {},
): Promise<Uint8Array> {
  const { book, granter, trustBook } = giver.parts
  const [generation] = book.byStream(stream)
  const [authority] = generation === undefined ? [] : granter.authoritiesOver(generation)
  if (authority === undefined) throw new Error('the giver may grant nothing')
  const { id } = grantee.parts.identity
  const key = granter.issuing.keyFor(trustBook.cardOf(id))
  if (key === undefined) throw new Error('the card of the grantee is not known')
  const terms = { ...ALWAYS, ...change }
  return (await granter.issuing.grant(withWrongNodes(authority), { id, key }, terms)).payload
}

function withWrongNodes(authority: Authority): Authority {
  const ring = new NodeRing(sodiumProvider)
  const name = toBase64Url(sodiumProvider.randomBytes(8))
  const root = rootNode(sodiumProvider.randomBytes(32))
  ring.addProven([root], { name, giver: name, distance: 0 })
  const change = { ring: { value: ring } }
  return { ...authority, generation: Object.create(authority.generation, change) as Generation }
}
