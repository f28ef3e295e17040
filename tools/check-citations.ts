// SPDX-License-Identifier: Apache-2.0
/**
 * Checks that what sources, tests and pages cite of the specification is there (`citations.ts` says
 * what is read).
 *
 * @module
 */

import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { deadCitations, sectionNumbers } from './citations.ts'
import { repositoryFiles } from './repository-files.ts'
import { ROOT } from './workspaces.ts'

/** Its samples cite what is not there, on purpose. */
const OWN_TEST = 'tools/test/citations.test.ts'

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

const chapters = repositoryFiles(/^docs\/spec\/[^/]+$/)
const specification = new Map(chapters.map((path) => [basename(path), sectionNumbers(read(path))]))
const citing = repositoryFiles(/\.(?:ts|mjs|md|cddl)$/).filter((path) => path !== OWN_TEST)
const problems = citing.flatMap((path) => deadCitations(path, read(path), specification))
for (const problem of problems) console.error(problem)
if (specification.size === 0) console.error('docs/spec is empty')
process.exitCode = problems.length === 0 && specification.size > 0 ? 0 : 1
