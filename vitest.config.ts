// SPDX-License-Identifier: Apache-2.0
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig, type ViteUserConfig } from 'vitest/config'
import { SlowFirstSequencer } from './tools/test-order.ts'
import { summaryReporter } from './tools/vitest-summary.ts'

const packages = fileURLToPath(new URL('packages', import.meta.url))

/** Tests run the sources; only what starts processes of its own needs the build. */
export const sourceAliases = [
  { find: '@waxwing/core/threads', replacement: `${packages}/core/dist/threads.js` },
  { find: /^@waxwing\/([\w-]+)$/, replacement: `${packages}/$1/src/index.ts` },
  { find: /^@waxwing\/([\w-]+)\/([\w-]+)$/, replacement: `${packages}/$1/src/$2.ts` },
]

const config: ViteUserConfig = defineConfig({
  resolve: { alias: sourceAliases },
  test: {
    include: ['packages/*/test/**/*.test.ts', 'bench/test/**/*.test.ts', 'tools/test/**/*.test.ts'],
    reporters: ['default', summaryReporter],
    // What is waited for comes in its time, and on a busy machine that is not within the defaults' seconds: a
    // broker that is there after ten may take a minute.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
    // Many tests wait for brokers and processes; the default leaves a small machine half idle.
    maxWorkers: availableParallelism() + 1,
    sequence: { sequencer: SlowFirstSequencer },
  },
})

export default config
