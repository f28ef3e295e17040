// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import {
  below,
  drawTree,
  fact,
  idFact,
  sizeFact,
  timeFact,
  treeToJson,
} from '../../src/inspect/tree.js'
import { hexDump, previewOf, textOf } from '../../src/inspect/content.js'

const TREE = {
  title: 'grant',
  facts: [
    fact('rights', 'read'),
    below('manifest', { title: 'manifest', facts: [fact('in reply to', null)] }),
    below(
      'chain',
      { title: 'link 1', facts: [fact('a', 1, 'one')] },
      { title: 'link 2', facts: [] },
    ),
    sizeFact('size', 1),
  ],
}

describe('trees', () => {
  it('are drawn with one line a fact', () => {
    expect(drawTree(TREE)).toEqual([
      'grant',
      '├─ rights  read',
      '├─ manifest: manifest',
      '│  └─ in reply to  none',
      '├─ chain',
      '│    link 1',
      '│    └─ a  one',
      '│    link 2',
      '└─ size    1 byte',
    ])
  })

  it('are objects for programs', () => {
    expect(treeToJson(TREE)).toEqual({
      kind: 'grant',
      rights: 'read',
      manifest: [{ kind: 'manifest', inReplyTo: null }],
      chain: [{ kind: 'link 1', a: 1 }, { kind: 'link 2' }],
      size: 1,
    })
  })

  it('show times that no calendar has as seconds, and ids with the name that is known', () => {
    expect(timeFact('end', null)).toMatchObject({ value: null, text: 'never' })
    expect(timeFact('end', 1e15).text).toBe('1000000000000000 seconds after 1970')
    expect(idFact('id', new Uint8Array(32), 'desk').text).toMatch(/^desk \(A{43}\)$/)
  })
})

describe('contents', () => {
  it('are text where they are text, else hex', () => {
    expect(textOf(new TextEncoder().encode('21.5 °C\n'))).toBe('21.5 °C\n')
    expect(textOf(Uint8Array.of(0xff))).toBeUndefined()
    expect(textOf(Uint8Array.of(0x1b, 0x5b))).toBeUndefined()
    expect(previewOf(new Uint8Array(0))).toBe('(empty)')
    expect(previewOf(Uint8Array.of(0, 255))).toBe('0x00ff')
    expect(previewOf(new Uint8Array(100))).toMatch(/^0x(00){64}… \(100 bytes\)$/)
  })

  it('are dumped sixteen bytes a line', () => {
    const lines = hexDump(new TextEncoder().encode('waxwing, the bird'))
    expect(lines).toEqual([
      '000000  77 61 78 77 69 6e 67 2c 20 74 68 65 20 62 69 72  waxwing, the bir',
      '000010  64                                               d',
    ])
  })
})
