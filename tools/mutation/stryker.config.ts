// SPDX-License-Identifier: Apache-2.0
/**
 * How the mutants of one folder of core are made and tried; `tools/mutation.ts` says which.
 *
 * @module
 */

import { join } from 'node:path'
import { RESULTS } from './folders.ts'

const folder = process.env['MUTATED_FOLDER'] ?? ''
const results = join(RESULTS, folder)

const config = {
  // In a thread of its own no mutant is at work.
  mutate: [
    `packages/core/src/${folder === 'src' ? '' : `${folder}/*`}*.ts`,
    '!packages/core/src/threads.ts',
  ],
  testRunner: 'vitest',
  vitest: { configFile: 'tools/mutation/vitest.config.ts', related: false },
  plugins: ['@stryker-mutator/vitest-runner', './tools/mutation/message-texts.ts'],
  ignorers: ['message-texts'],
  coverageAnalysis: 'perTest',
  // What is only reached while files load, which is constants, is left out: each would take all tests.
  ignoreStatic: true,
  concurrency: 2,
  // An endless loop is told by how often a mutant is run; this is for what waits.
  timeoutMS: 10_000,
  timeoutFactor: 2,
  incremental: true,
  incrementalFile: join(results, 'incremental.json'),
  reporters: ['json', 'clear-text', 'progress-append-only'],
  jsonReporter: { fileName: join(results, 'report.json') },
  clearTextReporter: {
    allowColor: false,
    logTests: false,
    reportTests: false,
    reportScoreTable: false,
  },
  tempDirName: join(results, 'sandbox'),
  ignorePatterns: ['bench', 'build', 'conformance', 'docs', 'dist', '*.log'],
}

export default config
