// SPDX-License-Identifier: Apache-2.0
import { playwright } from '@vitest/browser-playwright'
import { defineConfig, type ViteUserConfig } from 'vitest/config'
import { summaryReporter } from './tools/vitest-summary.ts'
import { sourceAliases } from './vitest.config.ts'

const config: ViteUserConfig = defineConfig({
  resolve: { alias: sourceAliases },
  test: {
    include: ['packages/core/test/browser/*.test.ts'],
    reporters: ['default', summaryReporter],
    testTimeout: 60_000,
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider: playwright({
        launchOptions: {
          executablePath: '/usr/bin/chromium',
          args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
        },
      }),
      instances: [{ browser: 'chromium' }],
    },
  },
})

export default config
