// SPDX-License-Identifier: Apache-2.0
/**
 * Statements of identity as trees (`docs/spec/06-identity.md`, `03-streams.md`): credentials, key
 * cards, trust bundles, manifests.
 *
 * @module
 */

import {
  decodeCredential,
  decodeKeyCard,
  decodeManifest,
  decodeTrustBundle,
  toHex,
  type DecodedStatement,
} from '@waxwing/core'
import { messageTree } from './message-tree.js'
import { signatureFact } from './signature-fact.js'
import { below, fact, hexFact, idFact, listFact, timeFact, type Fact, type Tree } from './tree.js'
import type { Viewer } from './viewer.js'

/**
 * Any signed statement.
 *
 * @param credential - Its author's, where something around it brought that.
 */
export function statementTree(
  statement: DecodedStatement,
  viewer: Viewer,
  credential?: Uint8Array,
): Tree {
  switch (statement.type) {
    case 'credential':
      return { title: 'credential', facts: credentialFacts(statement, viewer) }
    case 'key-card':
      return { title: 'key card', facts: keyCardFacts(statement, viewer, credential) }
    case 'trust-bundle':
      return { title: 'trust bundle', facts: bundleFacts(statement, viewer) }
    case 'manifest':
      return { title: 'manifest', facts: manifestFacts(statement, viewer, credential) }
    default:
      return messageTree(statement, viewer, statementTree)
  }
}

function credentialFacts(statement: DecodedStatement, viewer: Viewer): readonly Fact[] {
  const credential = decodeCredential(viewer.crypto, statement.bytes)
  const { name, id, anchorId, unit, roles, attributes, produces, issued, expires } = credential
  return [
    fact('name', name),
    idFact('id', id, undefined),
    ...(unit === undefined ? [] : [fact('unit', unit)]),
    listFact('roles', roles),
    listFact('produces', produces),
    ...[...attributes].map(([key, value]) => fact(`attribute ${key}`, value)),
    timeFact('issued', issued),
    timeFact('expires', expires),
    idFact('anchor', anchorId, undefined),
    signatureFact(statement, viewer),
  ]
}

function keyCardFacts(
  statement: DecodedStatement,
  viewer: Viewer,
  credential: Uint8Array | undefined,
): readonly Fact[] {
  const { principalId, issued, expires, keys } = decodeKeyCard(statement.bytes)
  return [
    idFact('principal', principalId, viewer.nameOf(principalId)),
    timeFact('issued', issued),
    timeFact('expires', expires),
    listFact(
      'keys',
      keys.map(({ kind }) => kind),
    ),
    signatureFact(statement, viewer, credential),
  ]
}

function bundleFacts(statement: DecodedStatement, viewer: Viewer): readonly Fact[] {
  const bundle = decodeTrustBundle(viewer.crypto, statement.bytes)
  const { domainId, version, issued, expires, anchors, keepers, recovery } = bundle
  const nameIn = (credential: Uint8Array): string =>
    decodeCredential(viewer.crypto, credential).name
  return [
    idFact('domain', domainId, undefined),
    fact('version', version),
    timeFact('issued', issued),
    timeFact('expires', expires),
    fact('anchors', anchors.length),
    listFact('keepers', keepers.map(nameIn)),
    fact('recovery', recovery !== null, recovery === null ? 'none' : nameIn(recovery.credential)),
    ...bundle.partners.map(({ domainId: partner, patterns }) =>
      below('partner', {
        title: 'partner',
        facts: [idFact('domain', partner, undefined), listFact('may publish', patterns)],
      }),
    ),
    ...bundle.revoked.map(({ principalId, since }) =>
      below('revoked', {
        title: 'revoked',
        facts: [
          idFact('principal', principalId, viewer.nameOf(principalId)),
          timeFact('since', since),
        ],
      }),
    ),
    fact('X-Wing', bundle.requireXWing, bundle.requireXWing ? 'demanded' : 'not demanded'),
    signatureFact(statement, viewer),
  ]
}

function manifestFacts(
  statement: DecodedStatement,
  viewer: Viewer,
  credential: Uint8Array | undefined,
): readonly Fact[] {
  const manifest = decodeManifest(viewer.crypto, statement.bytes)
  const { streamName, producerId, generationId, epochSeconds, predecessor } = manifest
  return [
    fact('stream', streamName),
    idFact('producer', producerId, viewer.nameOf(producerId)),
    hexFact('generation', generationId),
    fact('epoch', epochSeconds, `${epochSeconds} s`),
    fact('alg', manifest.alg),
    fact('signatures', manifest.signatureMode),
    fact('history', manifest.historyMode),
    fact('predecessor', predecessor === null ? null : toHex(predecessor.generationId)),
    signatureFact(statement, viewer, credential),
  ]
}
