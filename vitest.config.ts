import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const packages = fileURLToPath(new URL('packages', import.meta.url))

export default defineConfig({
  resolve: {
    // Tests run the sources; only what starts processes of its own needs the build.
    alias: [
      { find: /^@waxwing\/([\w-]+)$/, replacement: `${packages}/$1/src/index.ts` },
      { find: /^@waxwing\/([\w-]+)\/([\w-]+)$/, replacement: `${packages}/$1/src/$2.ts` },
    ],
  },
  test: {
    include: ['packages/*/test/**/*.test.ts'],
    testTimeout: 30_000,
  },
})
