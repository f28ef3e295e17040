// SPDX-License-Identifier: Apache-2.0
/**
 * The tests that the mutants of one folder of core are run against, in the order of
 * {@link MUTATED_FOLDERS}, since a run ends at the first failure.
 *
 * @module
 */

import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { defineConfig, type ViteUserConfig } from 'vitest/config'
import { sourceAliases } from '../../vitest.config.ts'
import { MUTATED_FOLDERS } from './folders.ts'

const tests = MUTATED_FOLDERS[process.env['MUTATED_FOLDER'] ?? ''] ?? []

class OwnTestsFirst extends BaseSequencer {
  override sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return Promise.resolve(files.toSorted((a, b) => rank(a.moduleId) - rank(b.moduleId)))
  }
}

function rank(file: string): number {
  return tests.findIndex((test) => file.includes(`/core/test/${test}`))
}

const config: ViteUserConfig = defineConfig({
  resolve: { alias: sourceAliases },
  test: {
    include: tests.map((test) => {
      const path = `packages/core/test/${test}`
      return path.endsWith('/') ? `${path}**/*.test.ts` : `${path}*.test.ts`
    }),
    reporters: [],
    setupFiles: ['tools/mutation/no-shrinking.ts'],
    // A mutant has a worker of its own; within it the files share what they import.
    isolate: false,
    testTimeout: 30_000,
    sequence: { sequencer: OwnTestsFirst },
  },
})

export default config
