// SPDX-License-Identifier: Apache-2.0
/**
 * The counters of a bridge as people and programs see them.
 *
 * @module
 */

import type { BridgeCounters, DirectionCounters, FlowCounters } from '@waxwing/bridge'
import { counted, type Json } from '../output.js'

/** What is counted, as one JSON object. */
export function gaugeJson(counters: BridgeCounters): { readonly [key: string]: Json } {
  const flow = (one: FlowCounters): Json => ({ ...one })
  const direction = ({ data, control }: DirectionCounters): Json => ({
    data: flow(data),
    control: flow(control),
  })
  return {
    there: direction(counters.there),
    back: direction(counters.back),
    reconnects: { ...counters.reconnects },
  }
}

/** Speeds, from one look at the counters to the next. */
export class Gauge {
  readonly #now: () => number
  #atMs: number
  #messages = { there: 0, back: 0 }
  #bytes = { there: 0, back: 0 }

  /** @param now - Monotonic milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
    this.#atMs = now()
  }

  /** One line: what has crossed, how fast since the last look, and what is in trouble. */
  line(counters: BridgeCounters): string {
    const seconds = Math.max(0.001, (this.#now() - this.#atMs) / 1000)
    this.#atMs = this.#now()
    const parts = [`→ ${this.#direction('there', counters, seconds)}`]
    parts.push(`← ${this.#direction('back', counters, seconds)}`)
    const trouble = troubleOf(counters)
    return [...parts, ...(trouble === '' ? [] : [trouble])].join('   ')
  }

  #direction(name: 'there' | 'back', counters: BridgeCounters, seconds: number): string {
    const { data, control } = counters[name]
    const [messages, bytes] = [data.messages + control.messages, data.bytes + control.bytes]
    const rate = Math.round((messages - this.#messages[name]) / seconds)
    const speed = Math.round((bytes - this.#bytes[name]) / seconds)
    this.#messages[name] = messages
    this.#bytes[name] = bytes
    const moving = rate === 0 ? '' : `, ${rate.toLocaleString('en')}/s, ${byteText(speed)}/s`
    const now = data.inFlight + control.inFlight + data.waiting + control.waiting
    const open = now === 0 ? '' : `, ${now} under way`
    return `${data.messages.toLocaleString('en')} + ${control.messages} control${moving}${open}`
  }
}

/** All in all, in lines. */
export function totals({ there, back, reconnects }: BridgeCounters): readonly string[] {
  const direction = (word: string, { data, control }: DirectionCounters): string =>
    `${word}: ${counted(data.messages, 'message')} (${byteText(data.bytes)}) and ` +
    counted(control.messages, 'control message')
  const trouble = troubleOf({ there, back, reconnects })
  const lines = [direction('There', there), direction('Back', back)]
  return trouble === '' ? lines : [...lines, `Besides: ${trouble}`]
}

function troubleOf({ there, back, reconnects }: BridgeCounters): string {
  const flows = [there.data, there.control, back.data, back.control]
  const sum = (pick: (flow: FlowCounters) => number): number =>
    flows.reduce((total, flow) => total + pick(flow), 0)
  const facts: readonly (readonly [count: number, word: string])[] = [
    [sum((flow) => flow.duplicates), 'there already'],
    [sum((flow) => flow.foreign), 'not sealed'],
    [sum((flow) => flow.refused), 'REFUSED'],
    [sum((flow) => flow.retries), 'tried again'],
    [reconnects.from + reconnects.to, 'reconnected'],
  ]
  const shown = facts.filter(([count]) => count > 0)
  return shown.map(([count, word]) => `${count.toLocaleString('en')} ${word}`).join(', ')
}

function byteText(bytes: number): string {
  if (bytes < 10_000) return `${bytes} B`
  if (bytes < 10_000_000) return `${Math.round(bytes / 1000).toLocaleString('en')} kB`
  return `${Math.round(bytes / 1_000_000).toLocaleString('en')} MB`
}
