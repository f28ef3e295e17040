// SPDX-License-Identifier: Apache-2.0
/**
 * Takes from a source or a page what it cites of the specification: chapters by their file, sections
 * by their number. Citations may go on over the lines of a comment.
 *
 * @module
 */

export interface Citation {
  /** Counted from 1. */
  readonly line: number
  /** The file in `docs/spec`, as `07-granting.md`; `undefined` where only a section is named. */
  readonly chapter: string | undefined
  /** As `7.2.4`; none where only the file is named. */
  readonly sections: readonly string[]
}

/** By the file's name in `docs/spec`: the numbers of its sections. */
export type Specification = ReadonlyMap<string, ReadonlySet<string>>

/** Blanks, also those between two lines of a comment. */
const GAP = String.raw`[\s*/]+`
const NUMBER = String.raw`\d+(?:\.\d+)*`
const NUMBERS = `${NUMBER}(?:(?:,(?:${GAP}and)?|${GAP}and|${GAP}to)${GAP}${NUMBER})*`
const SECTIONS = `Sections?${GAP}(${NUMBERS})`
const CHAPTER = '(?:docs/spec/|(?<=`))(\\d\\d-[a-z]+\\.md|waxwing\\.cddl)'
const FOREIGN = String.raw`(?:RFC \d+|MQTT [\d.]+|FIPS [\d-]+|draft-[\w-]+|Web Cryptography|SMPP v3\.4|3GPP TS [\d.]+)${GAP}`

const PATTERN = new RegExp(
  `${CHAPTER}(?:\`?\\)?${GAP}${SECTIONS})?|(${FOREIGN})?\\b${SECTIONS}`,
  'g',
)

/** Pages that speak of sections without saying of what. */
const OF_SPECIFICATION = /^(?:docs\/(?:spec|adr)|vectors)\//

/** Finds what a text cites. Sections of other documents (`RFC 9052 Section 4.4`) are left out. */
export function citations(text: string): Citation[] {
  const found: Citation[] = []
  for (const match of text.matchAll(PATTERN)) {
    const [, chapter, ofChapter, foreign, bare] = match
    if (foreign !== undefined) continue
    const sections = (ofChapter ?? bare ?? '').match(new RegExp(NUMBER, 'g')) ?? []
    const line = text.slice(0, match.index).split('\n').length
    found.push({ line, chapter, sections })
  }
  return found
}

/** The numbers of a chapter's sections, from its headings. */
export function sectionNumbers(page: string): ReadonlySet<string> {
  return new Set([...page.matchAll(/^#+ (\d+(?:\.\d+)*) /gm)].map(([, number = '']) => number))
}

/**
 * What a text cites that is not there. Where a source names no chapter at all, its sections are of
 * something else.
 */
export function deadCitations(path: string, text: string, specification: Specification): string[] {
  const all = new Set([...specification.values()].flatMap((numbers) => [...numbers]))
  const found = citations(text)
  const isCiting = OF_SPECIFICATION.test(path) || found.some(({ chapter }) => chapter !== undefined)
  return (isCiting ? found : []).flatMap(({ line, chapter, sections }) => {
    const numbers = chapter === undefined ? all : specification.get(chapter)
    if (numbers === undefined) return [`${path}:${line}: there is no docs/spec/${chapter}`]
    const where = chapter === undefined ? 'docs/spec' : `docs/spec/${chapter}`
    return sections
      .filter((section) => !numbers.has(section))
      .map((section) => `${path}:${line}: ${where} has no Section ${section}`)
  })
}
