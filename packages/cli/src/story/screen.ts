// SPDX-License-Identifier: Apache-2.0
/**
 * The terminal in which the story is told: its width, its colours and its pace.
 *
 * @module
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { styleText } from 'node:util'
import {
  beside,
  indented,
  labelled,
  paragraph,
  wrap,
  type Line,
  type Text,
  type Tone,
} from './layout.js'

/** From this width on, the broker and its readers stand side by side. */
const TWO_COLUMNS = 100
const MAX_WIDTH = 120
const MIN_WIDTH = 40
const INDENT = 2
const ROW_INDENT = 4
const LABEL_WIDTH = 11
/** The broker's share of the room, which its hex would fill to any width. */
const LEFT_SHARE = 0.47
const RULE: Text = { text: ' │ ', tone: 'faint' }

type Style = Parameters<typeof styleText>[0]
const STYLES: Readonly<Record<Tone, Style | undefined>> = {
  plain: undefined,
  strong: 'bold',
  faint: 'dim',
  title: ['bold', 'cyan'],
  code: 'magenta',
  good: 'green',
  waiting: 'yellow',
  bad: 'red',
}

export interface ScreenOptions {
  readonly write: (text: string) => void
  /** Columns of the terminal. */
  readonly columns: number
  readonly colours: boolean
  /** Whether to leave time for reading. */
  readonly paced: boolean
}

/** What one reader makes of a message. */
export interface ReaderCell {
  readonly who: string
  readonly lines: readonly Text[]
}

/** One thing that happens: at the broker and at its readers. */
export interface Row {
  readonly when: string
  readonly what: string
  /** What the broker saw; empty if it saw nothing. */
  readonly broker: readonly Text[]
  readonly readers: readonly ReaderCell[]
}

export class Screen {
  readonly #options: ScreenOptions
  readonly #width: number
  #headed = false

  constructor(options: ScreenOptions) {
    this.#options = options
    this.#width = Math.max(MIN_WIDTH, Math.min(MAX_WIDTH, options.columns))
  }

  /** Opens the story. */
  async opening(title: string, lines: readonly string[]): Promise<void> {
    this.#print([[], ...indented([[{ text: title, tone: 'title' }]], INDENT), []])
    for (const line of lines) this.#say(line, 'plain')
    await this.#rest(1800)
  }

  async chapter(title: string, ...sentences: readonly string[]): Promise<void> {
    const head = `── ${title} `
    const line = head + '─'.repeat(Math.max(2, this.#textWidth - head.length))
    this.#headed = false
    this.#print([[]])
    this.#print(indented(paragraph({ text: line, tone: 'title' }, this.#textWidth), INDENT))
    for (const sentence of sentences) this.#say(sentence, 'plain')
    await this.#rest(800 + 200 * sentences.length)
  }

  async row({ when, what, broker, readers }: Row): Promise<void> {
    this.#print([[]])
    const label: Text = { text: when, tone: 'faint' }
    const room = this.#textWidth - when.length - 2
    const heading = paragraph({ text: what, tone: 'strong' }, room)
    this.#print(indented(labelled(label, heading, when.length + 2), INDENT))
    const isWide = this.#width >= TWO_COLUMNS
    this.#print(indented(isWide ? this.#wide(broker, readers) : this.#narrow(broker, readers), 4))
    await this.#rest(290 + 80 * readers.length)
  }

  /** A claim that was found to hold. */
  async checked(claim: string): Promise<void> {
    this.#print([[]])
    const lines = paragraph({ text: claim, tone: 'plain' }, this.#textWidth - 2)
    this.#print(indented(labelled({ text: '✓', tone: 'good' }, lines, 2), INDENT))
    await this.#rest(320)
  }

  /** What did not happen as told. */
  failed(claim: string, details: string): void {
    this.#print([[]])
    for (const text of [`Not as told: ${claim}`, details]) {
      const lines = paragraph({ text, tone: 'bad' }, this.#textWidth - 2)
      this.#print(indented(labelled({ text: '✗', tone: 'bad' }, lines, 2), INDENT))
    }
  }

  /** Where to go next: what, and how. */
  closing(title: string, ways: readonly (readonly [what: string, how: string])[]): void {
    this.#print([[], ...indented([[{ text: title, tone: 'title' }]], INDENT), []])
    const labelWidth = Math.max(...ways.map(([what]) => what.length)) + 2
    for (const [what, how] of ways) {
      const lines = paragraph({ text: how, tone: 'plain' }, this.#textWidth - labelWidth)
      this.#print(indented(labelled({ text: what, tone: 'strong' }, lines, labelWidth), INDENT))
    }
    this.#print([[]])
  }

  get #textWidth(): number {
    return this.#width - INDENT
  }

  #wide(broker: readonly Text[], readers: readonly ReaderCell[]): Line[] {
    const room = this.#width - ROW_INDENT - RULE.text.length
    const left = Math.floor(room * LEFT_SHARE)
    const seen = broker.flatMap((text) => paragraph(text, left))
    const read = this.#readerLines(readers, room - left)
    if (this.#headed) return beside(seen, read, left, RULE)
    this.#headed = true
    const head = (text: string): Line[] => [[{ text, tone: 'faint' }]]
    return [
      ...beside(head('WHAT THE BROKER SEES'), head('WHAT THE READERS SEE'), left, RULE),
      ...beside(seen, read, left, RULE),
    ]
  }

  #narrow(broker: readonly Text[], readers: readonly ReaderCell[]): Line[] {
    const room = this.#width - ROW_INDENT
    const seen = broker.flatMap((text) => paragraph(text, room - LABEL_WIDTH))
    return [
      ...labelled({ text: 'broker', tone: 'faint' }, seen, LABEL_WIDTH),
      ...this.#readerLines(readers, room),
    ]
  }

  #readerLines(readers: readonly ReaderCell[], width: number): Line[] {
    return readers.flatMap(({ who, lines }) => {
      const wrapped = lines.flatMap((text) => paragraph(text, width - LABEL_WIDTH))
      return labelled({ text: who, tone: 'faint' }, wrapped, LABEL_WIDTH)
    })
  }

  #say(text: string, tone: Tone): void {
    // Prose is easier to read in shorter lines.
    const lines = wrap(text, Math.min(this.#textWidth, 96))
    this.#print(
      indented(
        lines.map((line) => [{ text: line, tone }]),
        INDENT,
      ),
    )
  }

  #print(lines: readonly Line[]): void {
    for (const line of lines) {
      const painted = line.map((text) => this.#paint(text)).join('')
      this.#options.write(`${painted.trimEnd()}\n`)
    }
  }

  #paint({ text, tone }: Text): string {
    const style = STYLES[tone]
    if (!this.#options.colours || style === undefined) return text
    return styleText(style, text, { validateStream: false })
  }

  async #rest(ms: number): Promise<void> {
    if (this.#options.paced) await sleep(ms)
  }
}
