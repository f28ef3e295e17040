// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { consoleBlocks, lineMatches, matchOutput } from './console-blocks.js'

const PAGE = `# Page

\`\`\`sh
not tested
\`\`\`

\`\`\`console
$ one
out
more
$ two
\`\`\`

\`\`\`console reader
$ three
^C
bye
\`\`\`
`

describe('console blocks', () => {
  it('are commands, output and interrupts, each in its terminal', () => {
    expect(consoleBlocks(PAGE)).toEqual([
      {
        terminal: '',
        line: 7,
        steps: [
          { kind: 'command', text: 'one' },
          { kind: 'output', lines: ['out', 'more'] },
          { kind: 'command', text: 'two' },
        ],
      },
      {
        terminal: 'reader',
        line: 14,
        steps: [
          { kind: 'command', text: 'three' },
          { kind: 'interrupt' },
          { kind: 'output', lines: ['bye'] },
        ],
      },
    ])
  })

  it('match lines whole, with … for anything', () => {
    expect(lineMatches('id …', 'id abc')).toBe(true)
    expect(lineMatches('… (kid …)', 'x (kid 0f)')).toBe(true)
    expect(lineMatches('id', 'id abc')).toBe(false)
    expect(lineMatches('a.c', 'abc')).toBe(false)
  })

  it('match output in order, and nothing that is not shown', () => {
    expect(matchOutput(['a', 'b'], ['a', 'b', 'c'])).toBe(2)
    expect(matchOutput(['a', '…', 'c'], ['a', 'x', 'y', 'c'])).toBe(4)
    expect(matchOutput(['a', 'b'], ['a'])).toBeUndefined()
    expect(matchOutput(['…', 'c'], ['a', 'b'])).toBeUndefined()
    expect(() => matchOutput(['a', 'b'], ['a', 'x'])).toThrow('the guide shows')
  })
})
