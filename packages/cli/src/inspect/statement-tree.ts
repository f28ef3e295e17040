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

/** Any signed statement. */
export function statementTree(statement: DecodedStatement, viewer: Viewer): Tree {
  const { bytes, type } = statement
  switch (type) {
    case 'credential':
      return { title: 'credential', facts: credentialFacts(bytes, statement, viewer) }
    case 'key-card':
      return { title: 'key card', facts: keyCardFacts(bytes, statement, viewer) }
    case 'trust-bundle':
      return { title: 'trust bundle', facts: bundleFacts(bytes, statement, viewer) }
    case 'manifest':
      return { title: 'manifest', facts: manifestFacts(bytes, statement, viewer) }
    default:
      return messageTree(statement, viewer, statementTree)
  }
}

function credentialFacts(
  bytes: Uint8Array,
  statement: DecodedStatement,
  viewer: Viewer,
): readonly Fact[] {
  const credential = decodeCredential(viewer.crypto, bytes)
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
  bytes: Uint8Array,
  statement: DecodedStatement,
  viewer: Viewer,
): readonly Fact[] {
  const { principalId, issued, expires, keys } = decodeKeyCard(bytes)
  return [
    idFact('principal', principalId, viewer.nameOf(principalId)),
    timeFact('issued', issued),
    timeFact('expires', expires),
    listFact(
      'keys',
      keys.map(({ kind }) => kind),
    ),
    signatureFact(statement, viewer),
  ]
}

function bundleFacts(
  bytes: Uint8Array,
  statement: DecodedStatement,
  viewer: Viewer,
): readonly Fact[] {
  const bundle = decodeTrustBundle(viewer.crypto, bytes)
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
  bytes: Uint8Array,
  statement: DecodedStatement,
  viewer: Viewer,
): readonly Fact[] {
  const manifest = decodeManifest(viewer.crypto, bytes)
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
    signatureFact(statement, viewer),
  ]
}
