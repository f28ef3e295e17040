// SPDX-License-Identifier: Apache-2.0
/**
 * Making a generation: a fresh root, and the manifest that binds everything about it
 * (`docs/spec/03-streams.md` Section 3.3).
 *
 * @module
 */

import {
  ALG_CHACHA20_POLY1305,
  DEFAULT_EPOCH_SECONDS,
  equalBytes,
  rootNode,
  signManifest,
  WaxwingError,
  type ManifestFields,
  type Predecessor,
  type TrustedPrincipal,
} from '@waxwing/core'
import type { Generation } from '../generation.js'
import type { GenerationBook } from '../generation-book.js'
import type { OwnIdentity } from '../identity/own-identity.js'
import type { TrustBook } from '../identity/trust-book.js'
import type { ProducerOptions } from '../options.js'
import type { Runtime } from '../runtime.js'

const ROOT_BYTES = 32
const NONCE_BYTES = 16

export type ManifestChoices = Pick<
  ManifestFields,
  'epochSeconds' | 'alg' | 'kidBytes' | 'counterMode' | 'signatureMode' | 'historyMode'
>

export interface MakingInputs {
  readonly runtime: Runtime
  readonly book: GenerationBook
  readonly identity: OwnIdentity
  readonly trustBook: TrustBook
}

/**
 * What of the options stands in the manifest: a change of it means a new generation. What is not
 * chosen stays as it was.
 */
export function manifestChoices(options: ProducerOptions, current?: Generation): ManifestChoices {
  const before = current?.manifest
  return {
    epochSeconds: options.epochSeconds ?? before?.epochSeconds ?? DEFAULT_EPOCH_SECONDS,
    alg: options.alg ?? before?.alg ?? ALG_CHACHA20_POLY1305,
    kidBytes: options.kidBytes ?? before?.kidBytes ?? 8,
    counterMode: options.counterMode ?? before?.counterMode ?? 'session',
    signatureMode: options.signature ?? before?.signatureMode ?? 'each',
    historyMode: options.history ?? before?.historyMode ?? 'keep',
  }
}

/** Whether a generation was made with other choices. */
export function choicesDiffer({ manifest }: Generation, choices: ManifestChoices): boolean {
  return (
    manifest.epochSeconds !== choices.epochSeconds ||
    manifest.alg !== choices.alg ||
    manifest.kidBytes !== choices.kidBytes ||
    manifest.counterMode !== choices.counterMode ||
    manifest.signatureMode !== choices.signatureMode ||
    manifest.historyMode !== choices.historyMode
  )
}

/**
 * Whether a generation stands for the domain that we belong to now. What was begun before we were
 * admitted names another, and nobody there believes it.
 *
 * @throws {WaxwingError} `ERR_NOT_AUTHORIZED` if it does, and our credential no longer allows its name.
 */
export function fitsIdentity(
  { identity, trustBook }: Pick<MakingInputs, 'identity' | 'trustBook'>,
  { manifest }: Generation,
): boolean {
  const { domainId, streamName } = manifest
  if (!isSameDomain(domainId, identity.domainId)) return false
  trustBook.trust.checkMayName(selfAsProducer(identity, trustBook), domainId, streamName)
  return true
}

/** Makes a generation. It is the caller's to record it; until then nobody knows of it. */
export function makeGeneration(
  { runtime, book, identity, trustBook }: MakingInputs,
  streamName: string,
  choices: ManifestChoices,
  predecessor: Predecessor | null,
): Generation {
  const { crypto } = runtime
  if (!crypto.aeads.has(choices.alg)) {
    const message = `the crypto provider ${crypto.name} does not offer algorithm ${choices.alg}`
    throw new WaxwingError('ERR_UNSUPPORTED', message, { field: 'alg' })
  }
  const producer = selfAsProducer(identity, trustBook)
  const fields: ManifestFields = {
    ...choices,
    domainId: identity.domainId,
    producerId: identity.id,
    streamName,
    nonce: crypto.randomBytes(NONCE_BYTES),
    predecessor,
  }
  trustBook.trust.checkMayName(producer, fields.domainId, streamName)
  const manifest = signManifest(crypto, fields, identity.signingKey)
  const root = crypto.randomBytes(ROOT_BYTES)
  const generation = book.makeOwn(manifest, producer, [rootNode(root)])
  root.fill(0)
  return generation
}

/** Ourselves, as others will see us: by our credential, or pinned by hand. */
function selfAsProducer(identity: OwnIdentity, { trust }: TrustBook): TrustedPrincipal {
  return trust.resolve(identity.id, identity.credential)
}

function isSameDomain(one: Uint8Array | null, other: Uint8Array | null): boolean {
  return one === null || other === null ? one === other : equalBytes(one, other)
}
