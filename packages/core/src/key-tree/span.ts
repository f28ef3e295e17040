// SPDX-License-Identifier: Apache-2.0
/**
 * Epochs and spans of epochs (`docs/spec/05-keys.md` Section 5.2). An epoch is a slice of time of a
 * generation, one leaf of its key tree; a span is consecutive epochs, the first and the last both
 * included.
 *
 * Spans that come from outside are checked with {@link isSpan} by the decoder that reads them;
 * everything else here takes a bad span for a bug of the caller.
 *
 * @module
 */

/** The highest epoch, 2^32 - 1. A span that ends with it is open-ended. */
export const LAST_EPOCH: number = 0xffff_ffff

export interface Span {
  /** First epoch, 0 to {@link LAST_EPOCH}. */
  readonly first: number
  /** Last epoch, included; `first` to {@link LAST_EPOCH}. */
  readonly last: number
}

/** Every epoch that there can be. */
export const ALL_EPOCHS: Span = { first: 0, last: LAST_EPOCH }

/** Says whether a number is an epoch: an integer from 0 to 2^32 - 1. For decoders. */
export function isEpoch(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= LAST_EPOCH
}

/** Says whether two numbers make a span: epochs, in order. For decoders. */
export function isSpan(span: Span): boolean {
  return isEpoch(span.first) && isEpoch(span.last) && span.first <= span.last
}

/** @throws {RangeError} Unless `epoch` is an integer from 0 to 2^32 - 1. */
export function assertEpoch(epoch: number, name = 'epoch'): void {
  if (!isEpoch(epoch)) {
    throw new RangeError(`${name} must be an integer from 0 to ${LAST_EPOCH}, got ${epoch}`)
  }
}

/** @throws {RangeError} Unless both ends are epochs and `first` is not after `last`. */
export function assertSpan(span: Span, name = 'span'): void {
  assertEpoch(span.first, `${name}.first`)
  assertEpoch(span.last, `${name}.last`)
  if (span.first > span.last) {
    throw new RangeError(`${name}.first (${span.first}) must not be after last (${span.last})`)
  }
}

/** Says whether a span goes on for ever. */
export function isOpenEnded(span: Span): boolean {
  return span.last === LAST_EPOCH
}

/** Says whether `epoch` lies in the span. */
export function containsEpoch(span: Span, epoch: number): boolean {
  return span.first <= epoch && epoch <= span.last
}

/** Says whether every epoch of `inner` lies in `outer`. */
export function containsSpan(outer: Span, inner: Span): boolean {
  return outer.first <= inner.first && inner.last <= outer.last
}

/** Finds the epochs that two spans share; `undefined` if there are none. */
export function intersectSpans(a: Span, b: Span): Span | undefined {
  const first = Math.max(a.first, b.first)
  const last = Math.min(a.last, b.last)
  return first <= last ? { first, last } : undefined
}

/** Joins spans that touch or overlap: the fewest spans with the same epochs, in order. */
export function mergeSpans(spans: readonly Span[]): Span[] {
  const merged: Span[] = []
  for (const span of spans.toSorted((a, b) => a.first - b.first)) {
    const before = merged.at(-1)
    if (before === undefined || span.first > before.last + 1) merged.push(span)
    else merged[merged.length - 1] = { ...before, last: Math.max(before.last, span.last) }
  }
  return merged
}

/** @throws {RangeError} Unless an epoch lasts a whole number of seconds from 1 to 2^32 - 1. */
export function assertEpochLength(epochLengthSeconds: number): void {
  if (!isEpoch(epochLengthSeconds) || epochLengthSeconds === 0) {
    throw new RangeError(
      `epochLengthSeconds must be an integer from 1 to ${LAST_EPOCH}, got ${epochLengthSeconds}`,
    )
  }
}

/**
 * Finds the epoch that contains a moment: floor(Unix seconds / epoch length).
 *
 * @param unixMs - Milliseconds since 1970-01-01T00:00Z, 0 or more; fractions are cut off.
 * @throws {RangeError} If an argument is out of range, or the moment lies after the last epoch.
 */
export function epochAt(unixMs: number, epochLengthSeconds: number): number {
  assertEpochLength(epochLengthSeconds)
  const epoch = Math.floor(Math.floor(unixMs) / (epochLengthSeconds * 1000))
  if (!isEpoch(epoch)) throw new RangeError(`unixMs must lie in an epoch, got ${unixMs}`)
  return epoch
}

/**
 * Finds the moment at which an epoch begins.
 *
 * @returns Unix milliseconds; exact up to 2^53, and for the last of very long epochs beyond what a
 *   `Date` can hold.
 * @throws {RangeError} If an argument is out of range.
 */
export function epochStartMs(epoch: number, epochLengthSeconds: number): number {
  assertEpoch(epoch)
  assertEpochLength(epochLengthSeconds)
  return epoch * epochLengthSeconds * 1000
}
