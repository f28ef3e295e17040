// SPDX-License-Identifier: Apache-2.0
/**
 * The producer of one stream: seals synchronously, rotates, and keeps its promises about epochs and
 * nonces (`docs/spec/05-keys.md`).
 *
 * @module
 */

import { assertStreamName, toHex, WaxwingError, type Transport } from '@waxwing/core'
import type { RotationReason } from '../events.js'
import type { Generation } from '../generation.js'
import type { Receipt } from '../message.js'
import type { GrantTerms, ProducerOptions, PublishOptions, TransferOptions } from '../options.js'
import { Turns } from '../turns.js'
import type { EpochVerdict } from './epoch-guard.js'
import type { MakingInputs } from './new-generation.js'
import { withClearPart } from './clear-part.js'
import { Publishing, type TransferReceipt } from './publishing.js'
import { RoomFilling } from './room-filling.js'
import { planPieces, SealedPieces, type PiecesDeps } from './sealed-pieces.js'
import type { Rotations } from './rotations.js'
import type { GrantActions, Sharing } from './sharing.js'
import { isSameSession, type SessionRecord } from './stream-record.js'
import { notReady, StreamSealer, type Plaintext } from './stream-sealer.js'
import { StreamState } from './stream-state.js'

const NOTE_SESSION_MS = 1000
const MAX_RACES = 16
/** A piece has 1 MiB at the most, and its object little more. */
const MAX_OBJECT_BYTES = 2_097_152

export interface ProducerDeps extends MakingInputs {
  readonly transport: Transport | undefined
  readonly sharing: Sharing
  readonly actions: GrantActions
  /** Distinguishes processes in session ids. */
  readonly processHint: string
}

type OwnDeps = ProducerDeps & { readonly rotations: Rotations }

export class Producer {
  readonly #deps: OwnDeps
  readonly #options: ProducerOptions
  readonly #state: StreamState
  readonly #sealer: StreamSealer
  readonly #filling: RoomFilling
  readonly #publishing: Publishing | undefined
  /** Steps that change durable state, one after the other. */
  readonly #steps = new Turns()
  #pendingRotation: Promise<void> | undefined
  #endWait: (() => void) | undefined
  /** The running session as it was recorded last. */
  #noted: SessionRecord | undefined
  #cancelAhead: (() => void) | undefined
  #cancelNote: (() => void) | undefined
  #cancelHeartbeat: (() => void) | undefined
  readonly #unwatch: (() => void)[] = []
  #closed = false

  private constructor(deps: OwnDeps, options: ProducerOptions, state: StreamState) {
    this.#deps = deps
    this.#options = options
    this.#state = state
    const { runtime, identity, processHint } = deps
    this.#sealer = new StreamSealer({ runtime, identity, processHint, options, state })
    this.#filling = new RoomFilling({
      state,
      sealer: this.#sealer,
      rotateNow: (reason) => this.#rotateNow(reason),
      inBackground: (step) => this.#inBackground(step),
    })
    this.#publishing = deps.transport && this.#publishingOver(deps.transport)
  }

  /** Opens a stream for writing; use `endpoint.producer`. */
  static async open(deps: OwnDeps, name: string, options: ProducerOptions): Promise<Producer> {
    assertStreamName(name)
    const mark = deps.rotations.mark()
    const { state, rotated } = await StreamState.open(deps, name, options)
    state.endSession(undefined)
    const producer = new Producer(deps, options, state)
    if (rotated !== undefined) {
      deps.rotations.note(name, mark)
      producer.#emitRotated(rotated)
    }
    await producer.ready()
    if (rotated !== undefined) deps.sharing.grantAnew(state.generation)
    producer.#watch()
    return producer
  }

  /** The stream's name. */
  get name(): string {
    return this.#state.name
  }

  /** The kid of the generation in use, in hex. */
  get kid(): string {
    return this.generation.kid
  }

  get generation(): Generation {
    return this.#state.generation
  }

  get isClosed(): boolean {
    return this.#closed
  }

  /**
   * Makes ready to seal: records the epoch, rotates if the clock demands it, and hands what readers
   * will need to the transport. Needed only where {@link seal} said `ERR_NOT_READY`.
   */
  async ready(): Promise<void> {
    this.#assertOpen()
    await this.#steps.take(() => this.#makeReady())
  }

  /**
   * Seals one message, signed by itself. Synchronous.
   *
   * @returns The object, in a new array.
   * @throws {TypeError | RangeError} If an option is wrong.
   * @throws {WaxwingError} `ERR_NOT_READY`: `await producer.ready()` and try again.
   */
  seal(plaintext: Plaintext, options: PublishOptions = {}): Uint8Array {
    this.#assertOpen()
    return this.#seal(plaintext, withClearPart(options), 'message').slice()
  }

  /**
   * Seals many messages at once, which share signatures where the stream's are of batches. Synchronous.
   *
   * @returns The objects, in the order of the messages, in new arrays.
   * @throws {WaxwingError} `ERR_NOT_READY`, as {@link seal}: none of them is to be sent then.
   */
  sealAll(plaintexts: readonly Plaintext[], options: PublishOptions = {}): readonly Uint8Array[] {
    this.#assertOpen()
    const objects = this.#sealer.sealAll(plaintexts, withClearPart(options))
    if (objects === undefined) throw notReady()
    this.#scheduleNote()
    return objects.map((object) => object.slice())
  }

  /**
   * Seals a message for an intermediary to publish when this device vanishes, or never: alone in a
   * session that nothing is ever said of, so that it is not missed. It is as old as its sealing, and
   * the same one published twice is a replay: seal another for each connection. Synchronous.
   *
   * @returns The object, in a new array.
   * @throws {WaxwingError} `ERR_NOT_READY`, as {@link seal}; `ERR_UNSUPPORTED` if counters are durable.
   * @see `docs/spec/09-bindings.md` Section 9.3.1
   */
  sealWill(plaintext: Plaintext, options: PublishOptions = {}): Uint8Array {
    this.#assertOpen()
    const object = this.#sealer.sealWill(plaintext, withClearPart(options))
    if (object === undefined) throw notReady()
    return object.slice()
  }

  /**
   * Seals and sends one message, in pieces if it is too large for the transport. Resolves when the
   * first hop has taken it.
   *
   * @returns Where it stands; of a message in pieces, where the first one stands.
   * @throws {TypeError} If the endpoint has no transport; if what is to be retained needs pieces.
   * @throws {RangeError} If the transport takes too little for any piece.
   * @throws {WaxwingError} `ERR_NOT_READY` if epochs end faster than they can be recorded.
   */
  publish(plaintext: Plaintext, options: PublishOptions = {}): Promise<Receipt> {
    if (this.#publishing !== undefined) return this.#publishing.publish(plaintext, options)
    return Promise.reject(new TypeError('publish needs a transport: use seal'))
  }

  /**
   * Seals and sends a payload in pieces, as it comes from a source, with a few of them in memory.
   *
   * @param source - The payload in parts of any length, copied before the next is asked for.
   * @returns When the first hop has taken all of it.
   * @throws {TypeError} If the endpoint has no transport, the source yields no bytes, or pieces are to
   *   be retained.
   * @throws {RangeError} If an option is out of its range, the source has not `size` bytes, or makes
   *   more than 2^24 pieces.
   * @throws {WaxwingError} As {@link publish}; `ERR_CLOSED`; what the transport refuses. How far it
   *   came is what `onProgress` was told last.
   */
  async publishFrom(
    source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    options: TransferOptions = {},
  ): Promise<TransferReceipt> {
    if (this.#publishing === undefined) throw new TypeError('publishFrom needs a transport')
    this.#assertOpen()
    return await this.#publishing.publishFrom(source, withClearPart(options))
  }

  /**
   * Seals a payload in pieces, as it comes from a source, for whoever carries objects without a
   * transport: in a mail, in a file. To be sent in this order, all of them; one is in memory at a time.
   *
   * @param source - The payload in parts of any length, copied before the next is asked for.
   * @param options - As of {@link publishFrom}; `onProgress` is told what was sealed.
   * @param maxObjectBytes - The longest object that may come out. Default 2 MiB, more than any piece has.
   * @returns The objects, in new arrays.
   * @throws {TypeError | RangeError} As {@link publishFrom}, while iterating.
   * @throws {WaxwingError} `ERR_NOT_READY` if epochs end faster than they can be recorded; `ERR_CLOSED`.
   */
  async *sealFrom(
    source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    options: TransferOptions = {},
    maxObjectBytes: number = MAX_OBJECT_BYTES,
  ): AsyncGenerator<Uint8Array, void> {
    this.#assertOpen()
    const deps = this.#piecesDeps()
    const { signal, size, onProgress, ...rest } = options
    const wanted = withClearPart({ ...rest, ...(size === undefined ? {} : { size }) })
    const plan = planPieces(deps, wanted, maxObjectBytes)
    const transferred = new SealedPieces(deps, plan)
    for await (const piece of transferred.cut(source)) {
      signal?.throwIfAborted()
      transferred.take(piece)
      const { sealed } = await transferred.seal(piece)
      yield (await sealed).slice()
      const { pieces, bytes } = transferred
      onProgress?.({ transfer: toHex(plan.id), pieces, bytes, size })
    }
  }

  /** Begins a new generation. Merged: at most one a minute, later ones wait and share the next. */
  rotate(reason: RotationReason = 'demand'): Promise<void> {
    this.#assertOpen()
    if (this.#pendingRotation !== undefined) return this.#pendingRotation
    const { runtime, rotations } = this.#deps
    const waitMs = rotations.waitMs(this.name)
    const turn = new Promise<void>((resolve) => {
      this.#endWait = resolve
      if (waitMs <= 0) resolve()
      else runtime.timers.after(waitMs, resolve)
    })
    const rotation = turn.then(() => {
      this.#assertOpen()
      return this.#steps.take(() => {
        this.#pendingRotation = undefined
        return this.#rotateReady(reason)
      })
    })
    this.#pendingRotation = rotation
    return rotation
  }

  /**
   * Begins a new session: after a snapshot of live memory was resumed, for example. With durable
   * counters, which have no sessions, a new generation.
   */
  async newSession(): Promise<void> {
    this.#assertOpen()
    await this.#steps.take(async () => {
      if (this.#state.room === undefined) this.#sealer.beginSession()
      else await this.#rotateReady('suspicion')
    })
  }

  /** Grants unasked: see `endpoint.grant`. */
  grant(principal: string, terms: GrantTerms = {}): Promise<readonly Uint8Array[]> {
    return this.#deps.actions.grant(this.name, principal, terms)
  }

  /** Revokes, and rotates at once unless told not to: see `endpoint.revoke`. */
  revoke(principal: string, options: { rotate?: boolean } = {}): Promise<void> {
    return this.#deps.actions.revoke(this.name, principal, { rotate: options.rotate ?? true })
  }

  /** Records how far the session got, and stops. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#cancelAhead?.()
    this.#cancelNote?.()
    this.#cancelHeartbeat?.()
    this.#endWait?.()
    for (const unwatch of this.#unwatch.splice(0)) unwatch()
    this.#sealer.progress() // what waits for its signature goes now
    await this.#steps.take(async () => {
      await this.#noteSession()
      await this.#state.release()
    })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #publishingOver(transport: Transport): Publishing {
    return new Publishing({ ...this.#piecesDeps(), name: this.name, transport })
  }

  #piecesDeps(): PiecesDeps {
    return {
      crypto: this.#deps.runtime.crypto,
      sealer: this.#sealer,
      ready: () => this.ready(),
      noteSoon: () => this.#scheduleNote(),
      assertOpen: () => this.#assertOpen(),
    }
  }

  #seal(
    plaintext: Plaintext,
    options: PublishOptions,
    sealing: 'message' | 'heartbeat',
  ): Uint8Array {
    const object = this.#sealer.seal(plaintext, options, sealing)
    if (object === undefined) throw notReady()
    this.#scheduleNote()
    return object
  }

  async #makeReady(): Promise<void> {
    const verdict = this.#sealer.guard.judge()
    if (verdict.kind === 'rotate') await this.#rotateNow('clock', verdict)
    if (verdict.kind === 'permit') await this.#permit(verdict.epoch)
    await this.#filling.fill()
    await this.#announce()
    this.#scheduleAhead()
  }

  async #permit(epoch: number): Promise<void> {
    const permitted = Math.max(epoch, this.#sealer.guard.ahead())
    if (await this.#state.permit(permitted)) this.#sealer.adopt()
    else this.#sealer.guard.permit(permitted)
  }

  /** Begins a generation in which can be sealed at once, unless the store takes no more. */
  async #rotateReady(reason: RotationReason): Promise<void> {
    await this.#rotateNow(reason)
    await this.#filling.fill().catch((error: unknown) => this.#deps.runtime.report(error))
  }

  async #rotateNow(reason: RotationReason, verdict?: EpochVerdict): Promise<void> {
    this.#sealer.progress() // what waits for its signature is of the old generation
    let isOurs = await this.#rotateState(verdict)
    // What another process began may be older than the revocation, and granted to the revoked since.
    const tries = reason === 'revocation' ? MAX_RACES : 0
    for (let race = 0; !isOurs && race < tries; race++) {
      this.#sealer.adopt()
      isOurs = await this.#rotateState(verdict)
    }
    this.#sealer.adopt()
    if (isOurs) this.#emitRotated(reason)
    await this.#announce()
    if (isOurs) this.#deps.sharing.grantAnew(this.generation)
  }

  #rotateState(verdict?: EpochVerdict): Promise<boolean> {
    const { epoch } = verdict ?? this.#sealer.guard.judge()
    return this.#deps.rotations.during(this.name, () => this.#state.rotate(epoch))
  }

  async #announce(): Promise<void> {
    if (this.#sealer.isOpen) return
    const { generation } = this
    await this.#deps.sharing.announce(generation)
    this.#sealer.openFor(generation.id)
  }

  #watch(): void {
    const { runtime } = this.#deps
    const foreign = runtime.store.onForeignChange?.(() => {
      this.#inBackground(async () => {
        if (await this.#state.reload()) this.#sealer.adopt()
        await this.#makeReady()
      })
    })
    if (foreign !== undefined) this.#unwatch.push(foreign)
    this.#unwatch.push(runtime.time.onChange(() => this.#sealer.beginSession()))
    this.#scheduleHeartbeat()
  }

  #scheduleAhead(): void {
    this.#cancelAhead?.()
    if (this.#closed) return
    const { runtime } = this.#deps
    this.#cancelAhead = runtime.timers.after(this.#sealer.guard.untilAheadMs(), () => {
      this.#inBackground(async () => {
        const ahead = this.#sealer.guard.ahead()
        if (ahead > this.#sealer.guard.permitted) await this.#permit(ahead)
        await this.#makeReady()
      })
    })
  }

  #scheduleNote(): void {
    this.#filling.fillSoon()
    this.#cancelNote ??= this.#deps.runtime.timers.after(NOTE_SESSION_MS, () => {
      this.#cancelNote = undefined
      this.#inBackground(() => this.#noteSession())
    })
  }

  /** Records how far the session got: what the trail of the next session will say of it. */
  async #noteSession(): Promise<void> {
    const running = this.#sealer.progress()
    if (running === undefined || isSameSession(running, this.#noted)) return
    const isOther = await this.#state.noteSession(running)
    this.#noted = running
    if (isOther) this.#sealer.adopt()
  }

  #scheduleHeartbeat(): void {
    const { heartbeatSeconds } = this.#options
    const { runtime, transport } = this.#deps
    if (heartbeatSeconds === undefined || transport === undefined || this.#closed) return
    this.#cancelHeartbeat = runtime.timers.after(heartbeatSeconds * 1000, () => {
      this.#inBackground(async () => {
        await this.#makeReady()
        this.#sealer.progress()
        await Promise.resolve() // what was signed by that is sent first
        await transport.send(this.name, this.#seal(new Uint8Array(0), {}, 'heartbeat'))
      })
      this.#scheduleHeartbeat()
    })
  }

  #emitRotated(reason: RotationReason): void {
    this.#deps.runtime.emit({ type: 'rotated', stream: this.name, kid: this.kid, reason })
  }

  #inBackground(work: () => Promise<void>): void {
    if (this.#closed) return
    this.#steps.take(work).catch((error: unknown) => this.#deps.runtime.report(error))
  }

  #assertOpen(): void {
    if (this.#closed) throw new WaxwingError('ERR_CLOSED', 'the producer is closed')
  }
}
