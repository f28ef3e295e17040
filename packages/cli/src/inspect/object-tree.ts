// SPDX-License-Identifier: Apache-2.0
/**
 * One object as a tree (`docs/spec/04-objects.md`): what everybody on the way sees, and what the
 * keys show.
 *
 * @module
 */

import { epochStartMs, toHex, type DecodedObject, type OpenedObject } from '@waxwing/core'
import { previewOf, textOf } from './content.js'
import { fact, below, hexFact, sizeFact, timeFact, type Fact, type Tree } from './tree.js'
import type { Opened, Viewer } from './viewer.js'

const ALGORITHMS: Readonly<Record<number, string>> = {
  1: 'AES-128-GCM',
  3: 'AES-256-GCM',
  10: 'AES-CCM, 8-byte tag',
  24: 'ChaCha20/Poly1305',
}

export function objectTree(object: DecodedObject, viewer: Viewer): Tree {
  const opened = viewer.open(object)
  return {
    title: 'object',
    facts: [
      sizeFact('size', object.bytes.length),
      ...framingFacts(object, opened?.epochSeconds),
      below('content', contentTree(object, opened)),
    ],
  }
}

function framingFacts(object: DecodedObject, epochSeconds: number | undefined): readonly Fact[] {
  const { alg, kid, epoch, session, counter, clearPart, ciphertext } = object
  return [
    fact('alg', alg, `${alg} (${ALGORITHMS[alg]})`),
    hexFact('kid', kid),
    epochFact(epoch, epochSeconds),
    session.length === 0
      ? fact('session', null, 'none: durable counter')
      : hexFact('session', session),
    fact('counter', counter),
    ...(clearPart === undefined
      ? []
      : [fact('clear part', textOf(clearPart) ?? toHex(clearPart), previewOf(clearPart))]),
    fact('signature', object.signature !== undefined, signatureText(object)),
    sizeFact('ciphertext', ciphertext.length),
  ]
}

function epochFact(epoch: number, epochSeconds: number | undefined): Fact {
  if (epochSeconds === undefined) return fact('epoch', epoch)
  const start = timeFact('', epochStartMs(epoch, epochSeconds) / 1000).text
  return fact('epoch', epoch, `${epoch} (from ${start}, ${epochSeconds} s long)`)
}

function contentTree(object: DecodedObject, opened: Opened | undefined): Tree {
  if (opened === undefined) {
    return { title: 'sealed', facts: [fact('why', 'no key of this kid is held here')] }
  }
  const { outcome, stream } = opened
  const of = fact('stream', stream)
  switch (outcome.kind) {
    case 'opened':
      return { title: 'opened', facts: [of, ...openedFacts(object, outcome, opened.epochSeconds)] }
    case 'no-key':
      return { title: 'sealed', facts: [of, fact('why', 'no grant covers this epoch')] }
    case 'refused': {
      const { code, message } = outcome.error
      return { title: 'refused', facts: [of, fact('why', code, `${message} (${code})`)] }
    }
    case 'failed':
      return { title: 'not authentic', facts: [of, fact('why', 'changed on the way, or forged')] }
  }
}

function openedFacts(
  { epoch }: DecodedObject,
  opened: OpenedObject,
  epochSeconds: number,
): readonly Fact[] {
  const { producer, signed, metadata, plaintext } = opened
  const { offsetMs, contentType, headers, heartbeat, trail } = metadata
  const sealedMs = offsetMs === undefined ? undefined : epochStartMs(epoch, epochSeconds) + offsetMs
  return [
    fact('producer', producer.name),
    fact('signed', signed, signed ? 'yes, good' : 'no: every reader could have written it'),
    ...(sealedMs === undefined ? [] : [timeFact('sealed', sealedMs / 1000)]),
    ...(contentType === undefined ? [] : [fact('content type', contentType)]),
    ...[...(headers ?? [])].map(([name, value]) => fact(`header ${name}`, value)),
    ...(trail === undefined
      ? []
      : [fact('trail', trail.sessionCount, `${trail.sessionCount} sessions before`)]),
    ...(heartbeat === true ? [fact('heartbeat', true, 'yes: for no application')] : []),
    sizeFact('plaintext size', plaintext.length),
    fact('plaintext', textOf(plaintext) ?? `0x${toHex(plaintext)}`, previewOf(plaintext)),
  ]
}

function signatureText({ signature, batch }: DecodedObject): string {
  if (signature === undefined) return 'none'
  if (batch === undefined) return '64 bytes'
  const { index, count, path } = batch
  return `64 bytes, of a batch: object ${index + 1} of ${count}, path of ${path.length / 32}`
}
