// SPDX-License-Identifier: Apache-2.0
import { stripVTControlCharacters } from 'node:util'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { beside, labelled, widthOf, wrap, type Line } from '../../src/story/layout.js'
import { Screen, type Row } from '../../src/story/screen.js'

const words = fc.array(fc.stringMatching(/^[a-z…°]{0,30}$/), { maxLength: 30 })
const plain = (text: string): Line => [{ text, tone: 'plain' }]
const textOf = (line: Line): string => line.map(({ text }) => text).join('')

describe('wrapping', () => {
  it('keeps every word in its order, and no line longer than asked', () => {
    fc.assert(
      fc.property(words, fc.integer({ min: 1, max: 50 }), (list, width) => {
        const text = list.join(' ')
        const lines = wrap(text, width)
        expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(width)
        expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''))
      }),
      { numRuns: 200 },
    )
  })

  it('breaks at spaces, and cuts only what is longer than a line', () => {
    expect(wrap('one two three', 8)).toEqual(['one two', 'three'])
    expect(wrap('a waxwing/v1/inbox', 8)).toEqual(['a', 'waxwing/', 'v1/inbox'])
  })
})

describe('columns', () => {
  it('stand side by side, however long each is', () => {
    const lines = beside([plain('a'), plain('bb')], [plain('x')], 4, { text: '|', tone: 'plain' })
    expect(lines.map(textOf)).toEqual(['a   |x', 'bb  |'])
  })

  it('begin after a label that is said once', () => {
    const label = { text: 'who', tone: 'plain' } as const
    expect(labelled(label, [plain('a'), plain('b')], 5).map(textOf)).toEqual(['who  a', '     b'])
  })
})

describe('the screen', () => {
  const row: Row = {
    when: 'Sat 09:00',
    what: 'The thermometer publishes 21.5 °C, and everybody gets it, whoever they may be.',
    broker: [{ text: 'waxwing/v1/request/0123456789abcdef, 1,860 bytes', tone: 'plain' }],
    readers: [
      { who: 'dashboard', lines: [{ text: 'opened: 21.5 °C (thermometer)', tone: 'good' }] },
    ],
  }

  async function shown(columns: number, colours = false): Promise<string> {
    let written = ''
    const write = (text: string): void => void (written += text)
    const screen = new Screen({ write, columns, colours, paced: false })
    await screen.chapter(
      'A title',
      'A sentence that is long enough to be wrapped somewhere. '.repeat(4),
    )
    await screen.row(row)
    await screen.checked('What was told is so.')
    return written
  }

  it.each([10, 40, 80, 99, 100, 120, 400])('fits a terminal of %i columns', async (columns) => {
    const lines = (await shown(columns)).split('\n')
    const width = Math.min(120, Math.max(40, columns))
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(width)
  })

  it('has the broker beside the reader where there is room, else above', async () => {
    const pair = /1,860 bytes\s+│ dashboard\s+opened/
    expect(await shown(120)).toMatch(pair)
    expect(await shown(80)).not.toMatch(pair)
    expect(await shown(80)).toMatch(/broker {5}waxwing.*\n {4}dashboard {2}opened/)
  })

  it('writes escape sequences only for a terminal with colours', async () => {
    const escape = '\u001b['
    expect(await shown(80)).not.toContain(escape)
    const coloured = await shown(80, true)
    expect(coloured).toContain(escape)
    const bare = stripVTControlCharacters(coloured).replaceAll(/ +$/gm, '')
    expect(bare).toBe(await shown(80))
  })

  it('is what lines are measured by', () => {
    expect(widthOf([...plain('ab'), ...plain('c')])).toBe(3)
  })
})
