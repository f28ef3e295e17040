// SPDX-License-Identifier: Apache-2.0
/**
 * Control messages as trees (`docs/spec/07-granting.md`). Keys are counted, never shown.
 *
 * @module
 */

import {
  decodeLink,
  decodeManifest,
  decodeMessage,
  decodeStatement,
  type DecodedMessage,
  type DecodedStatement,
  type Envelope,
  type Grant,
  type Request,
} from '@waxwing/core'
import { spanText, spansText } from '../wording.js'
import { signatureFact } from './signature-fact.js'
import { below, fact, hexFact, idFact, listFact, timeFact, type Fact, type Tree } from './tree.js'
import type { Viewer } from './viewer.js'

const NODE_BYTES = 32

/** Draws a statement that lies within another. */
type Nested = (statement: DecodedStatement, viewer: Viewer, credential?: Uint8Array) => Tree

export function messageTree(statement: DecodedStatement, viewer: Viewer, nested: Nested): Tree {
  if (statement.type === 'link') {
    return { title: 'link', facts: linkFacts(statement.bytes, undefined, viewer) }
  }
  const message = decodeMessage(viewer.crypto, statement.bytes)
  const { envelope, author, type } = message
  return {
    title: type,
    facts: [
      idFact('author', author, viewer.nameOf(author)),
      ...bodyFacts(message, viewer, nested),
      ...envelopeFacts(envelope, viewer, nested),
      signatureFact(statement, viewer, envelope.credential),
    ],
  }
}

function bodyFacts(message: DecodedMessage, viewer: Viewer, nested: Nested): readonly Fact[] {
  switch (message.type) {
    case 'request':
      return requestFacts(message.body)
    case 'grant':
      return grantFacts(message.body, viewer, nested)
    case 'denial': {
      const { kid, code, retrySeconds, producerId } = message.body
      return [
        hexFact('kid', kid),
        fact('code', code),
        fact('retry', retrySeconds, `after ${retrySeconds} s`),
        idFact('producer', producerId, viewer.nameOf(producerId)),
      ]
    }
    case 'ack':
      return [fact('outcome', message.body.outcome)]
    case 'revocation': {
      const { principalId, since, generationId, reason } = message.body
      return [
        idFact('principal', principalId, viewer.nameOf(principalId)),
        timeFact('since', since),
        ...(generationId === null
          ? [fact('of', null, 'everything')]
          : [hexFact('of', generationId)]),
        ...(reason === undefined ? [] : [fact('reason', reason)]),
      ]
    }
    case 'enrol': {
      const { name, unit, roles, produces, token } = message.body
      return [
        fact('name', name),
        ...(unit === undefined ? [] : [fact('unit', unit)]),
        listFact('roles', roles),
        listFact('produces', produces),
        fact('token', token !== undefined, token === undefined ? 'none' : 'shown'),
      ]
    }
  }
}

function requestFacts({ kid, spans, rights, reason }: Request): readonly Fact[] {
  return [
    hexFact('kid', kid),
    fact(
      'epochs',
      spans.map(({ first, last }) => [first, last]),
      spansText(spans, undefined),
    ),
    fact('rights', rights),
    ...(reason === undefined ? [] : [fact('reason', reason)]),
  ]
}

function grantFacts(
  { manifest: bytes, chain, nodes }: Grant,
  viewer: Viewer,
  nested: Nested,
): readonly Fact[] {
  const manifest = decodeManifest(viewer.crypto, bytes)
  const count = nodes.length / NODE_BYTES
  const links = chain.map((link, index) => ({
    title: `link ${index + 1}`,
    facts: linkFacts(link, manifest.epochSeconds, viewer),
  }))
  return [
    below('manifest', nested(manifest.statement, viewer, producerCredential(chain, viewer))),
    below('chain', ...links),
    fact('keys', count, `${count}, not shown`),
  ]
}

/** The producer's credential comes with its own link, the first. */
function producerCredential(
  [first]: readonly Uint8Array[],
  { crypto }: Viewer,
): Uint8Array | undefined {
  return first === undefined ? undefined : (decodeLink(crypto, first).credential ?? undefined)
}

function linkFacts(
  bytes: Uint8Array,
  epochSeconds: number | undefined,
  viewer: Viewer,
): readonly Fact[] {
  const link = decodeLink(viewer.crypto, bytes)
  const { issuer, grantee, span, rights, depth, issued, end } = link
  return [
    idFact('issuer', issuer, viewer.nameOf(issuer)),
    idFact('grantee', grantee, viewer.nameOf(grantee)),
    fact('span', [span.first, span.last], spanText(span, epochSeconds)),
    fact('rights', rights, rights === 'share' ? `share, ${depth} more links` : 'read'),
    timeFact('issued', issued),
    timeFact('end', end),
    signatureFact(link.statement, viewer, link.credential ?? undefined),
  ]
}

function envelopeFacts(envelope: Envelope, viewer: Viewer, nested: Nested): readonly Fact[] {
  const { issued, expires, inReplyTo, bundle, credential, keyCard } = envelope
  return [
    timeFact('issued', issued),
    timeFact('expires', expires),
    ...(inReplyTo === undefined ? [] : [hexFact('in reply to', inReplyTo)]),
    ...(bundle === undefined ? [] : [fact('bundle', bundle.version, `version ${bundle.version}`)]),
    ...(credential === undefined
      ? []
      : [below('credential', nested(decodeStatement(credential), viewer))]),
    ...(keyCard === undefined
      ? []
      : [below('key card', nested(decodeStatement(keyCard), viewer, credential))]),
  ]
}
