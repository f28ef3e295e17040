// SPDX-License-Identifier: Apache-2.0
/**
 * The comparison with peers, as a picture: speed relative to the fastest bare call, by payload, both
 * on logarithmic axes. Readable on light and on dark paper, and without colours: every line has its
 * mark, and where it ends its number, which the legend explains.
 *
 * @module
 */

import type { PeerRow, PeerTable } from './peers-bench.ts'

const PANEL = { width: 400, height: 300, gap: 70, left: 60, top: 50 }
const LEGEND_LINE = 20
const LEAST_RATIO = 0.0005
/** One signature for many objects is faster than a bare one for each. */
const MOST_RATIO = 10
const RATIOS = [10, 1, 0.1, 0.01, 0.001]
/** Distinct on white and on black alike. */
const COLOURS = [
  '#1f77d0',
  '#d9541e',
  '#2a9d4e',
  '#a35bd6',
  '#c78a00',
  '#d23f87',
  '#0f9aa8',
  '#8a7a52',
  '#5b6ee1',
  '#b0413e',
]

const STYLE = [
  'text{font:12px system-ui,sans-serif;fill:#1f2328}',
  '.axis{stroke:#8c959f;stroke-width:1;fill:none}',
  '.grid{stroke:#8c959f;stroke-opacity:.35;fill:none}',
  '.line{fill:none;stroke-width:1.5}.ours{stroke-width:3.5}.bare{stroke-dasharray:4 3}',
  '@media(prefers-color-scheme:dark){text{fill:#e6edf3}}',
].join('')

type Action = 'seal' | 'open'

interface Panel {
  readonly action: Action
  readonly tables: readonly PeerTable[]
}

/** An SVG document. */
export function peersPlot(tables: readonly PeerTable[]): string {
  const halves = [false, true].map((signed) => tables.filter((table) => table.signed === signed))
  const panels = halves.flatMap((half) =>
    (['seal', 'open'] as const).map((action): Panel => ({ action, tables: half })),
  )
  const width = PANEL.left + 2 * (PANEL.width + PANEL.gap)
  const legendTop = PANEL.top + 2 * (PANEL.height + PANEL.gap)
  const legendLines = 1 + Math.max(...halves.map((half) => namesOf(half).length))
  const height = legendTop + legendLines * LEGEND_LINE + 10
  const label = 'Speed relative to the fastest bare call, by payload'
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${label}</title><style>${STYLE}</style>`,
    `<text x="${PANEL.left}" y="20">${label} (bytes)</text>`,
    ...panels.map(panelText),
    ...halves.map((half, column) => {
      const x = PANEL.left + column * (PANEL.width + PANEL.gap)
      return `<g transform="translate(${x} ${legendTop})">${legendText(half)}</g>`
    }),
    '</svg>\n',
  ].join('\n')
}

function panelText({ action, tables }: Panel, index: number): string {
  const x = PANEL.left + (index % 2) * (PANEL.width + PANEL.gap)
  const y = PANEL.top + Math.floor(index / 2) * (PANEL.height + PANEL.gap)
  const sizes = tables.map(({ payloadBytes }) => payloadBytes)
  const lines = namesOf(tables).map((name) => lineOf(name, { tables, action, sizes }))
  return [
    `<g transform="translate(${x} ${y})">`,
    `<text x="0" y="-6" font-weight="bold">${action}, ${halfName(tables)}</text>`,
    axesText(sizes),
    ...endsApart(lines).map((line) => lineText(line, namesOf(tables).indexOf(line.name))),
    '</g>',
  ].join('\n')
}

function axesText(sizes: readonly number[]): string {
  const across = RATIOS.map((ratio) => {
    const y = yOf(ratio)
    return (
      `<path class="grid" d="M0 ${y}H${PANEL.width}"/>` +
      `<text x="-6" y="${y + 4}" text-anchor="end">${ratio}</text>`
    )
  })
  const down = sizes.map((size) => {
    const x = xOf(size, sizes)
    const text = sizeText(size)
    return (
      `<path class="grid" d="M${x} 0V${PANEL.height}"/>` +
      `<text x="${x}" y="${PANEL.height + 16}" text-anchor="middle">${text}</text>`
    )
  })
  const frame = `<path class="axis" d="M0 0V${PANEL.height}H${PANEL.width}"/>`
  return [...across, ...down, frame].join('\n')
}

interface Line {
  readonly name: string
  readonly kind: PeerRow['kind']
  readonly points: readonly (readonly [number, number])[]
  /** Where its number stands. */
  readonly endY: number
}

interface Scene {
  readonly tables: readonly PeerTable[]
  readonly action: Action
  readonly sizes: readonly number[]
}

function lineOf(name: string, { tables, action, sizes }: Scene): Line {
  const rows = tables.flatMap(({ rows: all, payloadBytes }) => {
    const row = rowOf(all, name)
    return row === undefined ? [] : [{ row, payloadBytes }]
  })
  const points = rows.map(
    ({ row, payloadBytes }) => [xOf(payloadBytes, sizes), yOf(row[action].ratio.median)] as const,
  )
  return { name, kind: rows[0]?.row.kind ?? 'peer', points, endY: points.at(-1)?.[1] ?? 0 }
}

/** Moves the numbers at the ends of lines down where they would stand on each other. */
function endsApart(lines: readonly Line[]): Line[] {
  let last = -Infinity
  return lines
    .toSorted((a, b) => a.endY - b.endY)
    .map((line) => {
      last = Math.max(line.endY, last + 12)
      return { ...line, endY: last }
    })
}

function lineText({ kind, points, endY }: Line, index: number): string {
  const colour = colourOf(index)
  const d = points.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${x} ${y}`).join('')
  const marks = points.map(([x, y]) => `<circle cx="${x}" cy="${y}" r="2.5" fill="${colour}"/>`)
  const number = `<text x="${PANEL.width + 8}" y="${endY + 4}" style="fill:${colour}">${index + 1}</text>`
  return `<path class="line ${kind}" stroke="${colour}" d="${d}"/>${marks.join('')}${number}`
}

function legendText(tables: readonly PeerTable[]): string {
  const rows = tables.flatMap((table) => table.rows)
  const lines = namesOf(tables).map((name, index) => {
    const y = (index + 1) * LEGEND_LINE
    const kind = rowOf(rows, name)?.kind ?? 'peer'
    const stroke = `<path class="line ${kind}" stroke="${colourOf(index)}" d="M0 ${y}h28"/>`
    return `${stroke}<text x="36" y="${y + 4}">${index + 1} ${escaped(name)}</text>`
  })
  return [`<text x="0" y="4" font-weight="bold">${halfName(tables)}</text>`, ...lines].join('\n')
}

function halfName([table]: readonly PeerTable[]): string {
  return table?.signed === true ? 'signed' : 'unsigned'
}

function namesOf(tables: readonly PeerTable[]): string[] {
  return [...new Set(tables.flatMap(({ rows }) => rows.map(({ name }) => name)))]
}

function rowOf(rows: readonly PeerRow[], name: string): PeerRow | undefined {
  return rows.find((row) => row.name === name)
}

function colourOf(index: number): string {
  return COLOURS[index % COLOURS.length] ?? '#808080'
}

function xOf(size: number, sizes: readonly number[]): number {
  const [least, most] = [Math.log(Math.min(...sizes)), Math.log(Math.max(...sizes))]
  if (most === least) return 0
  return round((PANEL.width * (Math.log(size) - least)) / (most - least))
}

function sizeText(bytes: number): string {
  if (bytes >= 1_048_576) return `${bytes / 1_048_576} Mi`
  return bytes >= 1024 ? `${bytes / 1024} Ki` : String(bytes)
}

/** What is off the scale stands at its end. */
function yOf(ratio: number): number {
  const shown = Math.min(Math.max(ratio, LEAST_RATIO), MOST_RATIO)
  return round((PANEL.height * Math.log(shown / MOST_RATIO)) / Math.log(LEAST_RATIO / MOST_RATIO))
}

function round(value: number): number {
  return Math.round(10 * value) / 10
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
