// SPDX-License-Identifier: Apache-2.0
/**
 * Everybody who seals and opens payloads of one size, as what can be measured. Whoever works in
 * threads of its own gets many messages at once, so that their hand-over costs it as little as can be.
 *
 * @module
 */

import { sodiumProvider as crypto } from '@waxwing/core/sodium'
import type { Contender } from '../measure.ts'
import { bareDecrypt, bareEncrypt, bareSign, bareVerify } from '../native-calls.ts'
import { bareGcmDecrypt, bareGcmEncrypt, bareNodeSign, bareNodeVerify } from '../node-calls.ts'
import { inTurn, poolCount } from '../object-parts.ts'
import { PEER_MAKERS } from './all.ts'
import type { Peer, PeerMaker, Sealed } from './peer.ts'
import { BATCH_OBJECTS, waxwingBatchPeer } from './waxwing-batch.ts'
import { waxwingPeers } from './waxwing.ts'

const MOST_AT_ONCE = 16
/** No more at once than fits into a processor's caches. */
const BYTES_AT_ONCE = 1_048_576

/** `ours-batched` signs less often than the others, and is not what they are compared with. */
export type CompetitorKind = 'bare' | 'ours' | 'ours-batched' | 'peer'

export interface Competitor {
  readonly name: string
  readonly kind: CompetitorKind
  readonly seal: Contender
  readonly open: Contender
  /** What its format adds to the payload. */
  readonly addedBytes?: number
  readonly version?: string
  readonly mode?: string
}

/** What is compared. */
export interface Terms {
  readonly signed: boolean
  readonly payloadBytes: number
}

export async function competitors(terms: Terms): Promise<readonly Competitor[]> {
  const ours = await competitorsOf(waxwingPeers, 'ours', terms)
  const batched = terms.signed ? [batchCompetitor(terms)] : []
  const peers: Competitor[] = []
  for (const maker of PEER_MAKERS) peers.push(...(await competitorsOf(maker, 'peer', terms)))
  return [...bareCompetitors(terms), ...ours, ...batched, ...peers]
}

function bareCompetitors({ signed, payloadBytes }: Terms): Competitor[] {
  const signing = signed ? ' and Ed25519' : ''
  const bare = (
    name: string,
    [encrypt, sign]: readonly [Contender, Contender],
    [decrypt, verify]: readonly [Contender, Contender],
  ): Competitor => ({
    name: `bare ${name}`,
    kind: 'bare',
    seal: signed ? both(encrypt, sign) : encrypt,
    open: signed ? both(decrypt, verify) : decrypt,
  })
  return [
    bare(
      `ChaCha20-Poly1305${signing}, libsodium`,
      [bareEncrypt(payloadBytes), bareSign(payloadBytes)],
      [bareDecrypt(payloadBytes), bareVerify(payloadBytes)],
    ),
    bare(
      `AES-128-GCM${signing}, OpenSSL`,
      [bareGcmEncrypt(payloadBytes), bareNodeSign(payloadBytes)],
      [bareGcmDecrypt(payloadBytes), bareNodeVerify(payloadBytes)],
    ),
  ]
}

/** The work of two. */
function both(first: Contender, second: Contender): Contender {
  return {
    name: `${first.name}, ${second.name}`,
    run: async (count) => {
      await first.run(count)
      await second.run(count)
    },
  }
}

async function competitorsOf(
  maker: PeerMaker,
  kind: CompetitorKind,
  { signed, payloadBytes }: Terms,
): Promise<Competitor[]> {
  const sealers = (await maker()).filter((peer) => peer.signed === signed)
  // With a state of its own, so that sealing that nobody opens does not lead it astray.
  const openers = (await maker()).filter((peer) => peer.signed === signed)
  const plaintext = crypto.randomBytes(payloadBytes)
  return Promise.all(
    sealers.map(async (sealer, index) => {
      const { name, version, mode } = sealer
      const opener = inTurn(openers, index)
      const addedBytes = (await sealer.seal(plaintext)).length - payloadBytes
      const seal = sealContender(sealer, plaintext)
      const open = openContender(opener, plaintext)
      return { name, version, mode, kind, addedBytes, seal, open }
    }),
  )
}

function sealContender(peer: Peer, plaintext: Uint8Array): Contender {
  const { name } = peer
  const atOnce = atOnceOf(peer, plaintext.length)
  return { name, run: (count) => repeat(count, atOnce, () => peer.seal(plaintext)) }
}

function openContender(peer: Peer, plaintext: Uint8Array): Contender {
  const poolLimit = peer.inOrder ? Infinity : poolCount(plaintext.length)
  const atOnce = atOnceOf(peer, plaintext.length)
  let pool: Sealed[] = []
  return {
    name: peer.name,
    prepare: async (count) => {
      if (peer.inOrder) pool = []
      while (pool.length < Math.min(count, poolLimit)) pool.push(await peer.seal(plaintext))
    },
    run: (count) => repeat(count, atOnce, (index) => peer.open(inTurn(pool, index))),
  }
}

function atOnceOf({ inOrder }: Peer, payloadBytes: number): number {
  return inOrder ? 1 : Math.min(MOST_AT_ONCE, Math.ceil(BYTES_AT_ONCE / payloadBytes))
}

function batchCompetitor({ payloadBytes }: Terms): Competitor {
  const peer = waxwingBatchPeer()
  const { name, version, mode } = peer
  const payload = crypto.randomBytes(payloadBytes)
  const plaintexts = Array.from({ length: BATCH_OBJECTS }, () => payload)
  const objects = peer.sealBatch(plaintexts)
  const batches = (count: number, work: (size: number) => void): void => {
    for (let left = count; left > 0; left -= BATCH_OBJECTS) work(Math.min(left, BATCH_OBJECTS))
  }
  const seal: Contender = {
    name,
    run: (count) => batches(count, (size) => peer.sealBatch(plaintexts.slice(0, size))),
  }
  const open: Contender = {
    name,
    run: (count) => batches(count, (size) => peer.openBatch(objects.slice(0, size))),
  }
  const addedBytes = inTurn(objects, 0).length - payloadBytes
  return { name, version, mode, kind: 'ours-batched', addedBytes, seal, open }
}

/** What is done at once is not waited for. */
async function repeat(
  count: number,
  atOnce: number,
  work: (index: number) => unknown,
): Promise<void> {
  let underWay: Promise<unknown>[] = []
  for (let index = 0; index < count; index++) {
    const result = work(index)
    if (!(result instanceof Promise)) continue
    underWay.push(result)
    if (underWay.length < atOnce) continue
    await Promise.all(underWay)
    underWay = []
  }
  await Promise.all(underWay)
}
