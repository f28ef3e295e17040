// SPDX-License-Identifier: Apache-2.0
/**
 * The comparison with peers, as Markdown.
 *
 * @module
 */

import type { PeerRow, PeerTable, Speed } from './peers-bench.ts'
import type { Spread } from './measure.ts'
import { rateText } from './report.ts'

/** One table for each size, and what stands behind the names. */
export function peersMarkdown(tables: readonly PeerTable[], plot: string): string {
  return [
    '## Beside its peers',
    `![Speeds relative to the bare calls, by payload](${plot})`,
    [
      'All in one run, interleaved, by the processor time of the whole process, threads of Web Crypto',
      'included. The ratio is against the fastest bare call on as many bytes; a peer’s last figure is',
      'how many times as fast the fastest of ours is, one signature for each object. “Added” is what',
      'a format adds to the payload. Keys are at hand on both sides unless the list says otherwise;',
      'peers that work in threads get up to 16 messages at once. OpenPGP.js is under the LGPL; like all',
      'peers, it is a development dependency of the benchmarks and of no package.',
    ].join('\n'),
    modesText(tables),
    ...tables.flatMap((table) => [`### ${titleOf(table)}`, tableText(table)]),
  ].join('\n\n')
}

/** The rows that fell short of what is promised. */
export function missedPeerAims(tables: readonly PeerTable[]): string[] {
  return tables.flatMap((table) =>
    table.rows.flatMap(({ name, seal, open }) => [
      ...missed(seal).map((what) => `${titleOf(table)}, seal, ${name}: ${what}`),
      ...missed(open).map((what) => `${titleOf(table)}, open, ${name}: ${what}`),
    ]),
  )
}

function missed({ ratio, aim, ahead, aheadAim }: Speed): string[] {
  const problems: string[] = []
  if (aim !== undefined && !(ratio.median >= aim)) {
    problems.push(`${ratio.median.toFixed(2)} of ${aim}`)
  }
  if (ahead !== undefined && aheadAim !== undefined && !(ahead.median >= aheadAim)) {
    problems.push(`ahead ${ahead.median.toFixed(1)} times instead of ${aheadAim}`)
  }
  return problems
}

function titleOf({ payloadBytes, signed }: PeerTable): string {
  return `${payloadBytes.toLocaleString('en')} bytes, ${signed ? 'signed' : 'unsigned'}`
}

function modesText(tables: readonly PeerTable[]): string {
  const rows = new Map(tables.flatMap((table) => table.rows).map((row) => [row.name, row]))
  return [...rows.values()]
    .filter(({ mode }) => mode !== undefined)
    .map(({ name, version, mode }) => `- **${name}** (${version}): ${mode}.`)
    .join('\n')
}

function tableText({ rows }: PeerTable): string {
  const head = [
    '',
    'seals per second',
    'ratio',
    'ours to it',
    'opens per second',
    'ratio',
    'ours to it',
    'added',
  ]
  const rule = head.map((_, column) => (column === 0 ? '---' : '---:'))
  return [head, rule, ...rows.map(cells)].map((line) => `| ${line.join(' | ')} |`).join('\n')
}

function cells({ name, seal, open, addedBytes }: PeerRow): string[] {
  const added = addedBytes === undefined ? '' : `${addedBytes.toLocaleString('en')} B`
  return [name, ...speedCells(seal), ...speedCells(open), added]
}

function speedCells({ perSecond, ratio, aim, ahead, aheadAim }: Speed): string[] {
  return [
    rateText(perSecond),
    `${spreadText(ratio)}${verdict(ratio.median, aim)}`,
    ahead === undefined ? '' : `${spreadText(ahead)}${verdict(ahead.median, aheadAim)}`,
  ]
}

function spreadText({ median, low, high }: Spread): string {
  if (median === 1 && low === 1 && high === 1) return '1'
  return `${figure(median)} (${figure(low)} to ${figure(high)})`
}

/** Two digits that count, or the whole number. */
function figure(value: number): string {
  if (value >= 10) return Math.round(value).toLocaleString('en')
  return value.toPrecision(2)
}

function verdict(reached: number, aim: number | undefined): string {
  if (aim === undefined) return ''
  return `, aim ${aim} ${reached >= aim ? 'met' : 'missed'}`
}
