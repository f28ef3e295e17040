// SPDX-License-Identifier: Apache-2.0
/**
 * Moves objects and control messages between two transports (`docs/spec/09-bindings.md` Sections 9.1 and 9.2), without
 * any key: it is one more intermediary, and nobody has to trust it.
 *
 * Payloads arrive byte for byte as they were. Properties and expiries outside of them, which nobody
 * vouches for, stay behind; properties that stand in an object's clear part are told to the target, as its
 * producer told them to the source (`docs/spec/04-objects.md` Section 4.2.4). Each direction has a flow for data and one for control, with nothing in common
 * that could fill up, so that neither waits for the other. Why no message goes round for ever is told in
 * `passed.ts`, and what becomes of retained ones in `kept-messages.ts`.
 *
 * @module
 */

import {
  CONTROL_PREFIX,
  isControlAddress,
  WaxwingError,
  type MessageHandler,
  type Received,
  type Subscription,
  type TransportStatus,
} from '@waxwing/core'
import { AddressMap } from './address-map.js'
import type {
  BridgeCounters,
  BridgeEvent,
  DirectionCounters,
  FlowCounters,
  Resort,
  Stopped,
} from './events.js'
import { Flow, type FlowPort } from './flow.js'
import { isKeptAddress, type Kind } from './frame.js'
import { KeptMessages } from './kept-messages.js'
import { resolveOptions, type BridgeOptions, type ResolvedOptions } from './options.js'
import { Passed, type Side } from './passed.js'
import { Settling } from './settling.js'

/** A bridge at work. */
export interface Bridge extends AsyncDisposable {
  /** What it has done so far; a snapshot. */
  readonly counters: BridgeCounters
  /**
   * Takes nothing more, lets finish what is under way for up to `closeTimeoutMs`, and stops. What was not
   * sent stays unacknowledged. The transports stay open. Safe to call twice.
   *
   * @param options - `keepSubscriptions`: the intermediaries are not told to end the subscriptions, so
   *   that they keep what comes for the next start. For when the transports are closed right after.
   */
  close(options?: { keepSubscriptions?: boolean }): Promise<void>
}

/**
 * Starts a bridge. Resolves when both sides have granted all subscriptions; messages may cross before.
 *
 * @throws {TypeError | RangeError} Naming the option that is wrong.
 * @throws {WaxwingError} `ERR_TRANSPORT` if a side refuses a subscription. What the other one granted stays
 *   there, with what it kept for an earlier bridge, for the next start: close the transports now.
 */
export async function bridge(options: BridgeOptions): Promise<Bridge> {
  const running = new RunningBridge(resolveOptions(options))
  await running.start()
  return running
}

const KINDS: readonly Kind[] = ['data', 'control']
const NOTHING: FlowCounters = {
  messages: 0,
  bytes: 0,
  inFlight: 0,
  waiting: 0,
  duplicates: 0,
  foreign: 0,
  refused: 0,
  retries: 0,
}

/** What is subscribed to, and where it goes. */
interface Route {
  readonly side: Side
  readonly filter: string
  readonly handler: MessageHandler
}

class RunningBridge implements Bridge {
  readonly #options: ResolvedOptions
  readonly #flows = new Map<string, Flow>()
  readonly #kept: Readonly<Record<Kind, KeptMessages | undefined>>
  readonly #passed: Readonly<Record<Kind, Passed>>
  readonly #routes: readonly Route[]
  readonly #settling: Settling
  readonly #reconnects = { from: 0, to: 0 }
  readonly #unlisten: (() => void)[] = []
  #subscriptions: readonly Subscription[] = []
  #closing: Promise<void> | undefined

  constructor(options: ResolvedOptions) {
    const { both, control, clock, remembered, settleMs } = options
    this.#options = options
    this.#kept = {
      data: both ? new KeptMessages() : undefined,
      control: control ? new KeptMessages() : undefined,
    }
    const memory = (): Passed => new Passed(clock, remembered)
    this.#passed = { data: memory(), control: memory() }
    this.#settling = new Settling(settleMs, () => this.#settle())
    this.#routes = [...this.#dataRoutes(), ...this.#controlRoutes()]
  }

  get counters(): BridgeCounters {
    const of = (side: Side, kind: Kind): FlowCounters =>
      this.#flows.get(`${side} ${kind}`)?.counters ?? NOTHING
    const direction = (side: Side): DirectionCounters => ({
      data: of(side, 'data'),
      control: of(side, 'control'),
    })
    return { there: direction('from'), back: direction('to'), reconnects: { ...this.#reconnects } }
  }

  async start(): Promise<void> {
    for (const side of ['from', 'to'] as const) this.#watch(side)
    const subscribing = this.#routes.map(({ side, filter, handler }) =>
      this.#options[side].subscribe(filter, handler),
    )
    const outcomes = await Promise.allSettled(subscribing)
    this.#subscriptions = outcomes.flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
    const failure = outcomes.find((one) => one.status === 'rejected')
    if (failure !== undefined) {
      await this.close({ keepSubscriptions: true })
      throw failure.reason
    }
    this.#settling.begin()
  }

  close(options: { keepSubscriptions?: boolean } = {}): Promise<void> {
    this.#closing ??= this.#close(options.keepSubscriptions ?? false)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(keepSubscriptions: boolean): Promise<void> {
    const flows = [...this.#flows.values()]
    const finished = Promise.all(flows.map((flow) => flow.finish()))
    this.#settling.end()
    await within(this.#options.closeTimeoutMs, finished)
    for (const flow of flows) flow.stop()
    if (!keepSubscriptions) await Promise.all(this.#subscriptions.map((one) => one.close()))
    for (const unlisten of this.#unlisten) unlisten()
  }

  #dataRoutes(): readonly Route[] {
    const { maps, both } = this.#options
    const there = maps.map((pair) => this.#dataRoute('from', new AddressMap(pair)))
    if (!both) return there
    const back = maps.map(({ from, to }) =>
      this.#dataRoute('to', new AddressMap({ from: to, to: from })),
    )
    return [...there, ...back]
  }

  #dataRoute(side: Side, map: AddressMap): Route {
    const flow = this.#flow(side, 'data')
    const handler = (received: Received): Promise<void> => {
      const { address } = received
      if (isControlAddress(address)) return received.acknowledge() // a filter as wide as `#`
      const target = map.translate(address)
      if (target !== undefined) return flow.take(received, target)
      return flow.turnAway(received, new TypeError(`the map has no place for '${address}'`))
    }
    return { side, filter: map.filter, handler }
  }

  #controlRoutes(): readonly Route[] {
    if (!this.#options.control) return []
    return (['from', 'to'] as const).map((side) => {
      const flow = this.#flow(side, 'control')
      const handler = (received: Received): Promise<void> => flow.take(received, received.address)
      return { side, filter: `${CONTROL_PREFIX}#`, handler }
    })
  }

  #flow(side: Side, kind: Kind): Flow {
    const name = `${side} ${kind}`
    const flow = this.#flows.get(name) ?? new Flow(this.#port(side, kind))
    this.#flows.set(name, flow)
    return flow
  }

  #port(side: Side, kind: Kind): FlowPort {
    const options = this.#options
    const { window, windowBytes, retryMinMs, retryMaxMs, any, retained } = options
    const stopped = (received: Received, error: unknown): Stopped => {
      const { address, payload } = received
      return { kind, side, address, byteCount: payload.length, error }
    }
    return {
      kind,
      side,
      target: options[otherOf(side)],
      passed: this.#passed[kind],
      kept: this.#kept[kind],
      window,
      windowBytes,
      retryMinMs,
      retryMaxMs,
      any,
      isRetained: (address, isFromMemory) => {
        if (kind === 'control') return isKeptAddress(address)
        return retained === 'all' || (retained === 'as-received' && isFromMemory)
      },
      putAside: (received, error, isForeign) => this.#putAside(received, error, isForeign),
      refused: (received, error, resort) =>
        this.#tell({ type: 'refused', resort, ...stopped(received, error) }),
      foreign: (received, error, resort) =>
        this.#tell({ type: 'foreign', resort, ...stopped(received, error) }),
      retry: (received, error, afterMs) =>
        this.#tell({ type: 'retry', afterMs, ...stopped(received, error) }),
      failed: (error) => this.#tell({ type: 'error', side: otherOf(side), error }),
      held: (byteCount) => this.#settling.held(byteCount),
    }
  }

  /** Nobody may fill a disk with what is not of Waxwing's form: that is only rejected, or let go. */
  async #putAside(received: Received, error: unknown, isForeign: boolean): Promise<Resort> {
    const { deadLetters } = this.#options
    if (received.reject !== undefined) {
      await received.reject(error instanceof Error ? error.message : String(error))
      return 'rejected'
    }
    const isKept = !isForeign && (await isAppended(deadLetters, received.payload))
    await received.acknowledge()
    return isKept ? 'dead-letter' : 'dropped'
  }

  #settle(): void {
    for (const kind of KINDS) {
      const different = this.#kept[kind]?.settle() ?? []
      for (const address of different) this.#tell({ type: 'different', address })
    }
    for (const flow of this.#flows.values()) flow.settle()
  }

  #watch(side: Side): void {
    let wasLost = false
    const listener = (status: TransportStatus): void => {
      if (status.state === 'error') {
        this.#tell({ type: 'error', side, error: status.error })
        return
      }
      const isBack = status.state === 'connected'
      if (isBack && wasLost) this.#reconnects[side]++
      wasLost = !isBack
      this.#tell({ type: 'connection', side, state: status.state })
    }
    this.#unlisten.push(this.#options[side].onStatus(listener))
  }

  #tell(event: BridgeEvent): void {
    this.#options.onEvent?.(event)
  }
}

/** Writes to the dead letters what can be written there. @returns Whether it is safe there. */
async function isAppended(
  deadLetters: BridgeOptions['deadLetters'],
  payload: Uint8Array,
): Promise<boolean> {
  try {
    await deadLetters?.append(payload)
    return deadLetters !== undefined
  } catch (error) {
    const isNoItem =
      error instanceof WaxwingError && ['ERR_MALFORMED', 'ERR_LIMIT'].includes(error.code)
    if (isNoItem) return false
    const why = error instanceof Error ? error.message : String(error)
    throw new Error(`the dead letters cannot be written: ${why}`, { cause: error })
  }
}

function otherOf(side: Side): Side {
  return side === 'from' ? 'to' : 'from'
}

/** Waits for something, but not for longer than that. */
async function within(timeoutMs: number, work: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs)
  })
  await Promise.race([work, late])
  clearTimeout(timer)
}
