// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { citations, deadCitations, sectionNumbers } from '../citations.ts'

const specification = new Map([
  ['03-streams.md', sectionNumbers('# 3 Streams\n\n## 3.1 Names\n\n### 3.1.2 Patterns\n')],
  ['07-granting.md', sectionNumbers('# 7 Granting\n\n## 7.2 Messages\n')],
  ['waxwing.cddl', sectionNumbers('; Section 3.1\n')],
])

const dead = (text: string): string[] => deadCitations('a.ts', text, specification)

describe('citations of the specification', () => {
  it.each([
    '// `docs/spec/07-granting.md` Section 7.2',
    '// docs/spec/07-granting.md Sections 7 and 7.2',
    '/**\n * See `docs/spec/07-granting.md`\n * Section 7.2).\n */',
    '// `docs/spec/07-granting.md` Section 7.2, `03-streams.md` Sections 3, 3.1 and 3.1.2.',
    '// `docs/spec/waxwing.cddl`; Section 3.1.2',
    '`03-streams.md`, after Section 7.2',
  ])('are good where file and section are there: %j', (text) => {
    expect(dead(text)).toEqual([])
  })

  it.each([
    ['`docs/spec/07-grants.md` Section 7.2', 'a.ts:1: there is no docs/spec/07-grants.md'],
    [
      '\n\n`docs/spec/07-granting.md` Section 7.3',
      'a.ts:3: docs/spec/07-granting.md has no Section 7.3',
    ],
    [
      '`docs/spec/07-granting.md` Section 3.1',
      'a.ts:1: docs/spec/07-granting.md has no Section 3.1',
    ],
    [
      '/** `docs/spec/07-granting.md`\n * Sections 7.2 to\n * 7.9 */',
      'a.ts:1: docs/spec/07-granting.md has no Section 7.9',
    ],
    ['`docs/spec/03-streams.md` x\n// Section 3.1.3', 'a.ts:2: docs/spec has no Section 3.1.3'],
    ['`docs/spec/03-streams.md`; `07-grants.md`', 'a.ts:1: there is no docs/spec/07-grants.md'],
    ['`docs/spec/03-streams.md`\nx\n// Section 9', 'a.ts:3: docs/spec has no Section 9'],
  ])('are told where they lead nowhere: %j', (text, problem) => {
    expect(dead(text)).toEqual([problem])
  })

  it('need not name the chapter on its own pages', () => {
    const problem = 'docs/adr/0001-a.md:1: docs/spec has no Section 9'
    expect(deadCitations('docs/adr/0001-a.md', 'Section 9', specification)).toEqual([problem])
  })

  it('are not sections of other documents', () => {
    const text =
      '`docs/spec/03-streams.md`: RFC 9052 Section 4.4, (MQTT 5.0\n * Sections 4.7 to 4.9), ' +
      'draft-ietf-cose-hpke-27 Section 9'
    expect(citations(text)).toEqual([{ line: 1, chapter: '03-streams.md', sections: [] }])
    expect(dead('// Section 4.7.2: a topic of the broker')).toEqual([])
    expect(dead('docs/guide/03-sdk.md, [SDK](03-sdk.md)')).toEqual([])
  })
})
