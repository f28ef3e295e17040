// SPDX-License-Identifier: Apache-2.0
/**
 * Whether the author of a denial had a say at all (`docs/spec/07-granting.md` Section 7.6): it is the
 * producer of the generation asked about, or holds a chain of `share` from that producer.
 *
 * @module
 */

import { equalBytes } from '../bytes.js'
import { WaxwingError } from '../errors.js'
import { generationId } from '../stream/manifest.js'
import { verifyChain, type ChainInputs } from './chain.js'
import type { VerifiedMessage } from './message.js'

/**
 * Verifies the proof in an authenticated denial.
 *
 * @returns The generation id that it speaks of: 32 bytes.
 * @throws {WaxwingError} `ERR_CHAIN`, and what `verifyChain` throws.
 */
export function verifyDenialProof(
  denial: VerifiedMessage<'denial'>,
  inputs: Omit<ChainInputs, 'issued'>,
): Uint8Array {
  const { kid, producerId, manifestDigest, chain } = denial.body
  const id = generationId(inputs.crypto, producerId, manifestDigest)
  if (!equalBytes(id.subarray(0, kid.length), kid)) throw unproven('kid')
  if (chain.length === 0) {
    if (!equalBytes(denial.author, producerId)) throw unproven('author')
    return id
  }
  const { issued } = denial.envelope
  const verified = verifyChain(chain, { ...inputs, issued, producerId })
  if (!equalBytes(verified.generationId, id)) throw unproven('generation id')
  if (!equalBytes(verified.grantee, denial.author)) throw unproven('author')
  if (verified.rights !== 'share') throw unproven('rights')
  return id
}

function unproven(rule: string): WaxwingError {
  return new WaxwingError('ERR_CHAIN', `the denial proves no authority: ${rule}`, { rule })
}
