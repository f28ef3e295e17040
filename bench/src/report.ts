// SPDX-License-Identifier: Apache-2.0
/**
 * What was measured, as Markdown for people and as JSON for machines.
 *
 * @module
 */

import { mkdirSync, writeFileSync } from 'node:fs'
import { arch, cpus, platform } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Measured, Spread } from './measure.ts'

export interface Row extends Measured {
  /** The least ratio that is promised. */
  readonly aim?: number | undefined
}

export interface Table {
  readonly title: string
  /** What the ratios mean. */
  readonly note: string
  /** The first row is the base. */
  readonly rows: readonly Row[]
}

export interface Machine {
  readonly node: string
  readonly platform: string
  readonly processor: string
  readonly cores: number
}

export const RESULTS: string = fileURLToPath(new URL('../results/', import.meta.url))

export function machine(): Machine {
  const processors = cpus()
  return {
    node: process.version,
    platform: `${platform()} ${arch()}`,
    processor: processors[0]?.model ?? 'unknown',
    cores: processors.length,
  }
}

/** One Markdown section for each table. */
export function toMarkdown(tables: readonly Table[], { node, ...host }: Machine): string {
  const where = `Node ${node.slice(1)}, ${host.platform}, ${host.processor}, ${host.cores} cores`
  const sections = tables.map(({ title, note, rows }) =>
    [`## ${title}`, note, tableText(rows)].join('\n\n'),
  )
  return [
    `Measured on ${where}. Each ratio is the median of the rounds' ratios, with the quartiles in`,
    'brackets; rates are medians too. On a shared machine only the ratios mean something.\n',
    `${sections.join('\n\n')}\n`,
  ].join('\n')
}

/** The rows that fell short of what is promised. */
export function missedAims(tables: readonly Table[]): string[] {
  return tables.flatMap(({ title, rows }) =>
    rows
      .filter(({ aim, ratio }) => aim !== undefined && !(ratio.median >= aim))
      .map(({ name, aim, ratio }) => `${title}, ${name}: ${ratio.median.toFixed(2)} of ${aim}`),
  )
}

/** Keeps results where git does not look. Returns the path. */
export function saveResult(name: string, text: string): string {
  mkdirSync(RESULTS, { recursive: true })
  const path = `${RESULTS}${name}`
  writeFileSync(path, text)
  return path
}

function tableText(rows: readonly Row[]): string {
  const hasCpu = rows.some(({ cpuRatio }) => cpuRatio !== undefined)
  const head = ['', 'per second', 'ratio', ...(hasCpu ? ['by processor time'] : []), 'aim']
  const lines = rows.map((row) => [
    row.name,
    rateText(row.perSecond),
    ratioText(row.ratio),
    ...(hasCpu ? [row.cpuRatio === undefined ? '' : ratioText(row.cpuRatio)] : []),
    aimText(row),
  ])
  const rule = head.map((_, column) => (column === 0 ? '---' : '---:'))
  return [head, rule, ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

function aimText({ aim, ratio }: Row): string {
  if (aim === undefined) return ''
  return `${aim.toFixed(2)}, ${ratio.median >= aim ? 'met' : 'missed'}`
}

export function rateText({ median }: Spread): string {
  return Math.round(median).toLocaleString('en')
}

function ratioText({ median, low, high }: Spread): string {
  if (median === 1 && low === 1 && high === 1) return '1'
  return `${median.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`
}
