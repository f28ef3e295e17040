// SPDX-License-Identifier: Apache-2.0
/**
 * Lets a script that a test starts run the sources, so that no build is needed: imported first, it
 * leads what is imported dynamically to them.
 *
 * @module
 */

import { existsSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'

registerHooks({
  resolve(specifier, context, next) {
    const [, name, entry = 'index'] = /^@waxwing\/([\w-]+)(?:\/([\w-]+))?$/.exec(specifier) ?? []
    if (name !== undefined) {
      return next(new URL(`../../${name}/src/${entry}.ts`, import.meta.url).href, context)
    }
    if (specifier.startsWith('.') && context.parentURL !== undefined) {
      const source = new URL(specifier.replace(/\.js$/, '.ts'), context.parentURL)
      if (source.pathname.endsWith('.ts') && existsSync(fileURLToPath(source))) {
        return next(source.href, context)
      }
    }
    return next(specifier, context)
  },
})
