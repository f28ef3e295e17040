// SPDX-License-Identifier: Apache-2.0
import { playwright } from '@vitest/browser-playwright'
import { defineConfig, type ViteUserConfig } from 'vitest/config'
import { browserTests } from './tools/browser-tests.ts'
import { chromiumPath } from './tools/chromium.ts'
import { summaryReporter } from './tools/vitest-summary.ts'
import { ROOT } from './tools/workspaces.ts'
import { sourceAliases } from './vitest.config.ts'

const { files, libraries } = browserTests(ROOT)
const executablePath = chromiumPath()

const config: ViteUserConfig = defineConfig({
  resolve: { alias: sourceAliases },
  optimizeDeps: { include: [...libraries] },
  test: {
    include: [...files],
    reporters: ['default', summaryReporter],
    testTimeout: 60_000,
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider: playwright({
        launchOptions: {
          ...(executablePath === undefined ? {} : { executablePath }),
          args: [
            '--no-sandbox', // CI runs as root, and only our own pages are loaded
            '--disable-gpu',
            '--disable-dev-shm-usage',
            '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1',
          ],
        },
      }),
      instances: [{ browser: 'chromium' }],
    },
  },
})

export default config
