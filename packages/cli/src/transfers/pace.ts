// SPDX-License-Identifier: Apache-2.0
/**
 * How fast bytes go, and how long the rest will take, as people like to know it.
 *
 * @module
 */

import type { Output } from '../output.js'
import { formatDuration } from '../times.js'

const UNITS = ['KiB', 'MiB', 'GiB', 'TiB'] as const
/** People see no more pictures than that. */
const LEAST_MS = 100

/** A count of bytes: `512 B`, `12.3 MiB`. */
export function byteSize(bytes: number): string {
  if (bytes < 1024) return `${Math.round(bytes)} B`
  let size = bytes
  let unit = ''
  for (const next of UNITS) {
    if (size < 1024 && unit !== '') break
    size /= 1024
    unit = next
  }
  return `${size.toFixed(1)} ${unit}`
}

/** Shows how far one file is. */
export class Pace {
  readonly #output: Output
  readonly #now: () => number
  readonly #label: string
  #start: { readonly ms: number; readonly bytes: number } | undefined
  #shownMs = -Infinity

  /** @param now - Monotonic milliseconds. */
  constructor(output: Output, label: string, now: () => number = () => performance.now()) {
    this.#output = output
    this.#label = label
    this.#now = now
  }

  /**
   * Shows it, if it is worth it again.
   *
   * @param bytes - That are behind.
   * @param total - Bytes in all, where that is known.
   */
  show(bytes: number, total: number | undefined): void {
    const ms = this.#now()
    this.#start ??= { ms, bytes }
    if (ms - this.#shownMs < LEAST_MS) return
    this.#shownMs = ms
    const text = this.text(bytes, total)
    if (total === undefined || total === 0) this.#output.status(text)
    else this.#output.progress(text, bytes / total)
  }

  /** Speed, and what is left: `report.pdf, 12.3 MiB/s, 40s left`. */
  text(bytes: number, total: number | undefined): string {
    const { ms, bytes: before } = this.#start ?? { ms: this.#now(), bytes }
    const seconds = (this.#now() - ms) / 1000
    const speed = seconds > 0 ? (bytes - before) / seconds : 0
    const parts = [this.#label]
    if (total === undefined) parts.push(byteSize(bytes))
    if (speed > 0) parts.push(`${byteSize(speed)}/s`)
    if (speed > 0 && total !== undefined) parts.push(leftText((total - bytes) / speed))
    return parts.join(', ')
  }
}

function leftText(seconds: number): string {
  return `${formatDuration(Math.max(1, seconds))} left`
}
