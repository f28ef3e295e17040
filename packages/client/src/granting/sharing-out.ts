// SPDX-License-Identifier: Apache-2.0
/**
 * Granting our own generations onwards to those who stand in for us: the domain's keepers and its
 * recovery principal (`docs/spec/05-keys.md` Section 5.9, `06-identity.md` Section 6.7).
 *
 * Done before a generation's first object, durably, and again until acknowledged: a producer that
 * rotates and goes off-line strands nobody.
 *
 * @module
 */

import {
  toBase64Url,
  toHex,
  WaxwingError,
  type KemPublicKey,
  type KeyCard,
  type TrustedPrincipal,
} from '@waxwing/core'
import type { Outbox, Posting } from '../control/outbox.js'
import type { Messenger } from '../control/messenger.js'
import type { Generation } from '../generation.js'
import type { GenerationBook } from '../generation-book.js'
import type { OwnIdentity } from '../identity/own-identity.js'
import type { TrustBook } from '../identity/trust-book.js'
import { nowSeconds, type Runtime } from '../runtime.js'
import type { Granter } from './granter.js'
import type { FixedTerms } from './terms.js'

const SHARED_TABLE = 'shared'
/** Everything, for ever, to be granted onwards. */
const SHARE_ALL: FixedTerms = {
  from: 0,
  until: null,
  leaseSeconds: null,
  rights: 'share',
  depth: null,
}

export interface SharingOutInputs {
  readonly runtime: Runtime
  readonly book: GenerationBook
  readonly identity: OwnIdentity
  readonly trustBook: TrustBook
  readonly messenger: Messenger
  readonly granter: Granter
  readonly outbox: Outbox
}

interface StandIn {
  readonly principal: TrustedPrincipal
  readonly key: KemPublicKey
  /** The recovery principal is off-line and acknowledges nothing. */
  readonly acknowledges: boolean
}

export class SharingOut {
  readonly #inputs: SharingOutInputs
  /** One after the other, so that nothing is shared twice. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(inputs: SharingOutInputs) {
    this.#inputs = inputs
  }

  /** Grants `share` of one generation to all who stand in for us and do not have it yet. */
  announce(generation: Generation): Promise<void> {
    const done = this.#turn.then(() => this.#announce(generation))
    this.#turn = done.catch(() => undefined)
    return done
  }

  /** Makes up for what could not be shared before: a keeper is new, or its card was unknown. */
  async announceAll(): Promise<void> {
    for (const generation of this.#inputs.book.all()) {
      if (generation.own) await this.announce(generation)
    }
  }

  async #announce(generation: Generation): Promise<void> {
    const { runtime, outbox } = this.#inputs
    for (const standIn of this.#standInsFor(generation)) {
      const key = `${generation.id}/${toBase64Url(standIn.principal.id)}`
      if ((await runtime.store.get(SHARED_TABLE, key)) !== undefined) continue
      if (!(await this.#mayShare(generation, standIn))) continue
      const posting = await this.#posting(generation, standIn)
      const { changes, within, send } = await outbox.prepare([posting])
      const mark = { table: SHARED_TABLE, key, value: Uint8Array.of(1), expect: null }
      const isFirst = await within(() => runtime.store.write([...changes, mark]))
      if (!isFirst) continue // another process was faster
      // It is durable. Whoever is off-line now goes on sealing, and sends it before anything else.
      send().catch((error: unknown) => runtime.report(error))
    }
  }

  #standInsFor(generation: Generation): readonly StandIn[] {
    const { trustBook, identity, runtime } = this.#inputs
    const { trust } = trustBook
    const now = nowSeconds(runtime)
    const standIns: StandIn[] = []
    for (const principal of trust.keepers()) {
      const card = trustBook.cardOf(principal.id)
      if (card === undefined || card.expires <= now) continue
      const key = this.#keyOf(card, principal)
      if (key !== undefined) standIns.push({ principal, key, acknowledges: true })
    }
    const recovery = trust.bundle?.recovery
    const principal = trust.recovery()
    if (recovery && principal && generation.manifest.historyMode === 'keep') {
      const key = this.#keyOf(recovery, principal)
      if (key !== undefined) standIns.push({ principal, key, acknowledges: false })
    }
    const ownId = toBase64Url(identity.id)
    return standIns.filter((standIn) => toBase64Url(standIn.principal.id) !== ownId)
  }

  /** Keys that our domain holds to be too weak keep nobody from sealing: it is reported. */
  #keyOf(card: Pick<KeyCard, 'keys'>, { name }: TrustedPrincipal): KemPublicKey | undefined {
    const { messenger, runtime } = this.#inputs
    const key = messenger.grantKeyOf(card)
    if (key === undefined) {
      const message = `${name} has no X-Wing key, which is demanded: nothing is shared with it`
      runtime.report(new WaxwingError('ERR_KEY_INVALID', message))
    }
    return key
  }

  /**
   * Whoever stands in for us is noted first, so that a revocation that comes meanwhile finds it; and
   * gets nothing before it has acknowledged who is revoked.
   */
  async #mayShare(generation: Generation, { principal, acknowledges }: StandIn): Promise<boolean> {
    const { ledger, delegates } = this.#inputs.granter
    const id = toBase64Url(principal.id)
    const entry = await ledger.find(generation.stream, id)
    if (entry?.terms.rights !== 'share' || entry.revoked !== null) {
      const standing = { terms: SHARE_ALL, rule: null }
      if (!(await this.#inputs.granter.record(generation.stream, principal, standing))) return false
    }
    if (acknowledges && !(await delegates.mayShare(generation, id))) return false
    await delegates.noteShared(id, [generation])
    return true
  }

  async #posting(generation: Generation, standIn: StandIn): Promise<Posting> {
    const { runtime, granter } = this.#inputs
    const [authority] = granter.authoritiesOver(generation)
    if (authority === undefined) throw new TypeError('only own generations are announced')
    const { principal, key, acknowledges } = standIn
    const grantee = { id: principal.id, key }
    const issued = await granter.issuing.grant(authority, grantee, SHARE_ALL, { retained: true })
    const { address, payload, retained, signed } = issued
    if (!acknowledges) return { address, payload, retained }
    const digest = toHex(runtime.crypto.sha256(signed))
    const id = toBase64Url(principal.id)
    return { address, payload, retained, awaiting: { digest, principal: id, about: 'share' } }
  }
}
