// SPDX-License-Identifier: Apache-2.0
// Nothing here runs: the test is that this file compiles, and that what it marks does not.
/**
 * What is only decoded is not what was verified. No step of checking can be left out by handing the
 * one over for the other, and nothing that counts as verified can be put together by hand.
 *
 * @module
 */

import {
  authenticate,
  verifyChain,
  verifyDenialProof,
  verifyEnrol,
  verifyGrant,
  verifyManifest,
  type AuthenticateInputs,
  type ChainInputs,
  type CryptoProvider,
  type DecodedMessage,
  type DecodedObject,
  type DecodedStatement,
  type Ed25519VerifyingKey,
  type ErrorCode,
  type Grant,
  type GrantInputs,
  type Manifest,
  type OpenedObject,
  type OpenOutcome,
  type OpenedText,
  type TrustedPrincipal,
  type VerifiedChain,
  type VerifiedGrant,
  type VerifiedManifest,
  type VerifiedMessage,
  type WaxwingError,
} from '@waxwing/core'

declare const crypto: CryptoProvider
declare const decodedObject: DecodedObject
declare const text: OpenedText
declare const outcome: OpenOutcome
declare const manifest: Manifest
declare const verifiedManifest: VerifiedManifest
declare const key: Ed25519VerifyingKey
declare const message: DecodedMessage
declare const statement: DecodedStatement
declare const principal: TrustedPrincipal
declare const chain: VerifiedChain
declare const grant: Grant
declare const grantInputs: GrantInputs
declare const chainInputs: ChainInputs & { readonly producerId: Uint8Array }
declare const authenticateInputs: AuthenticateInputs
declare const error: WaxwingError

declare function show(object: OpenedObject): void
declare function seal(manifest: VerifiedManifest): void
declare function act(on: VerifiedMessage): void
declare function keep(grant: VerifiedGrant): void
declare function believe(chain: VerifiedChain): void

// An object is handed over only once it was opened.
// @ts-expect-error decoded is not opened
show(decodedObject)
// @ts-expect-error an outcome may be a failure
show(outcome)
if (outcome.kind === 'opened') show(outcome)
// @ts-expect-error an opened object is not made by hand
show({
  kind: 'opened',
  manifest: verifiedManifest,
  producer: principal,
  epoch: decodedObject.epoch,
  session: decodedObject.session,
  counter: decodedObject.counter,
  metadata: text.metadata,
  plaintext: text.plaintext,
  clearPart: decodedObject.clearPart,
  signed: true,
  sources: [],
  disproved: [],
})
// @ts-expect-error what failed has no plaintext
if (outcome.kind === 'failed') void outcome.plaintext

// A manifest counts only under its producer's signature.
// @ts-expect-error its signature was not verified
seal(manifest)
// @ts-expect-error nor does a copy of it count
seal({ ...manifest })
seal(verifyManifest(manifest, key))
// A verified one serves where any will do.
const anyManifest: Manifest = verifiedManifest

// A message is acted upon only once its author is known.
// @ts-expect-error its author was not verified
act(message)
// @ts-expect-error nor is it verified by naming a principal
act({ ...message, principal })
act(authenticate(message, authenticateInputs))

// A denial is proven only after it was authenticated; another message is no denial at all.
if (message.type === 'denial') {
  // @ts-expect-error its author was not verified
  verifyDenialProof(message, chainInputs)
}
const verifiedMessage = authenticate(message, authenticateInputs)
if (verifiedMessage.type === 'denial') verifyDenialProof(verifiedMessage, chainInputs)
// @ts-expect-error it may be any message
verifyDenialProof(verifiedMessage, chainInputs)
// @ts-expect-error only an enrolment proves the key that it names
verifyEnrol(crypto, message, 0)

// A grant and a chain count only as their one function makes them.
// @ts-expect-error what travels is not what was verified
keep(grant)
// @ts-expect-error a chain with a manifest and nodes is no grant
keep({ ...chain, manifest: verifiedManifest, producer: principal, nodes: [] })
keep(verifyGrant(grant, grantInputs))
believe(verifyChain(grant.chain, chainInputs))
// @ts-expect-error a chain is not made by hand
believe({
  generationId: manifest.generationId,
  grantId: manifest.nonce,
  span: { first: 0, last: 1 },
  rights: 'share',
  depth: 3,
  end: null,
  grantee: principal.id,
  links: [],
  issuers: [principal],
})

// A statement's signature is verified against a checked key, never against bytes.
// @ts-expect-error these are the bytes of a key
verifyManifest(manifest, principal.key.publicKey)
// @ts-expect-error a statement is no manifest
verifyManifest(statement, key)

// What was decoded cannot be changed afterwards.
// @ts-expect-error read-only
decodedObject.counter = 0
// @ts-expect-error read-only
manifest.streamName = 'door/lock'
// @ts-expect-error read-only
verifiedMessage.principal = principal

// Codes form a closed set.
const code: ErrorCode = error.code
// @ts-expect-error no such code
const typo: ErrorCode = 'ERR_TYPO'

export { anyManifest, code, typo }
