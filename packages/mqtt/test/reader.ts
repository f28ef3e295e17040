// SPDX-License-Identifier: Apache-2.0
/**
 * A reader in a process of its own, to be killed: it receives and never acknowledges. It runs the
 * sources, so that no build is needed.
 *
 * @module
 */

import { existsSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { MqttTransportOptions } from '@waxwing/mqtt'

registerHooks({
  resolve(specifier, context, next) {
    const name = /^@waxwing\/([\w-]+)$/.exec(specifier)?.[1]
    if (name !== undefined) {
      return next(new URL(`../../${name}/src/index.ts`, import.meta.url).href, context)
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

const { options, filter } = JSON.parse(process.argv[2] ?? '{}') as {
  options: MqttTransportOptions
  filter: string
}
const { mqttTransport } = await import('@waxwing/mqtt')
await mqttTransport(options).subscribe(filter, async ({ redelivered, payload }) => {
  process.stdout.write(`${redelivered} ${Buffer.from(payload).toString('hex')}\n`)
})
process.stdout.write('ready\n')
