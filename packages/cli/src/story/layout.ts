// SPDX-License-Identifier: Apache-2.0
/**
 * Laying out text in a terminal: wrapping, and two columns side by side. Knows widths and nothing
 * else; every line that it returns fits the width it was given.
 *
 * @module
 */

/** How a line looks. `code` is what was really on the wire; the others say what to feel about it. */
export type Tone = 'plain' | 'strong' | 'faint' | 'title' | 'code' | 'good' | 'waiting' | 'bad'

/** Text of one tone. Without escape sequences and line breaks; one character is one column. */
export interface Text {
  readonly text: string
  readonly tone: Tone
}

/** A line of several tones. */
export type Line = readonly Text[]

/** Breaks text at spaces so that no line is longer than `width`; only longer words are cut. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ').flatMap((long) => cut(long, width))) {
    const longer = line === '' ? word : `${line} ${word}`
    if (longer.length <= width) line = longer
    else {
      lines.push(line)
      line = word
    }
  }
  return [...lines, line]
}

/** Wraps, in one tone. */
export function paragraph({ text, tone }: Text, width: number): Line[] {
  return wrap(text, width).map((line) => [{ text: line, tone }])
}

/** Puts a label before the first line, and as much room before the others. */
export function labelled(label: Text, lines: readonly Line[], labelWidth: number): Line[] {
  const first = { ...label, text: label.text.padEnd(labelWidth) }
  const room: Text = { text: ' '.repeat(labelWidth), tone: 'plain' }
  return lines.map((line, index) => [index === 0 ? first : room, ...line])
}

/** Puts two blocks side by side, the left one `leftWidth` wide. */
export function beside(
  left: readonly Line[],
  right: readonly Line[],
  leftWidth: number,
  rule: Text,
): Line[] {
  const rows = Math.max(left.length, right.length)
  return Array.from({ length: rows }, (_, row) => {
    const line = left[row] ?? []
    const room: Text = { text: ' '.repeat(leftWidth - widthOf(line)), tone: 'plain' }
    return [...line, room, rule, ...(right[row] ?? [])]
  })
}

export function indented(lines: readonly Line[], by: number): Line[] {
  const room: Text = { text: ' '.repeat(by), tone: 'plain' }
  return lines.map((line) => (line.length === 0 ? line : [room, ...line]))
}

export function widthOf(line: Line): number {
  return line.reduce((sum, { text }) => sum + text.length, 0)
}

function cut(word: string, width: number): string[] {
  const pieces: string[] = []
  for (let at = 0; at < word.length; at += width) pieces.push(word.slice(at, at + width))
  return pieces.length === 0 ? [''] : pieces
}
