// SPDX-License-Identifier: Apache-2.0
/**
 * `waxwing config`: the settings of this home.
 *
 * @module
 */

import type { Command } from 'commander'
import { DEFAULT_BROKER } from '../broker/url.js'
import { SETTINGS, withSetting, type Config } from '../config.js'
import { withContext, type Context } from '../context.js'
import { UsageError } from '../exit-codes.js'
import { teach } from '../teaching.js'

export function registerConfig(program: Command): void {
  const config = program.command('config').description('show and change the settings of this home')
  teach(config.command('show').description('show the settings').action(withContext(show)), {
    examples: ['config show'],
    next: 'change one with `waxwing config set`.',
  })
  const names = Object.entries(SETTINGS).map(([name, what]) => `  ${name.padEnd(16)} ${what}`)
  teach(
    config
      .command('set')
      .description('change a setting')
      .argument('<name>', 'which one')
      .argument('<value>', 'what it is to be')
      .addHelpText('after', `\nSettings:\n${names.join('\n')}`)
      .action(withContext(set)),
    {
      examples: ['config set broker mqtts://broker.example', 'config set protocolVersion 4'],
      next: '`waxwing doctor` says whether the broker can be reached.',
    },
  )
  teach(
    config
      .command('unset')
      .description('put a setting back to its default')
      .argument('<name>', 'which one')
      .action(withContext(unset)),
    { examples: ['config unset broker'], next: '`waxwing config show`.' },
  )
}

async function show({ home, output, config }: Context): Promise<void> {
  const shown = { broker: DEFAULT_BROKER, protocolVersion: 5, announce: true, ...config }
  const lines = Object.entries(shown).map(([name, value]) => `${name.padEnd(16)} ${value}`)
  output.result({ home: home.folder, ...shown }, [`${'home'.padEnd(16)} ${home.folder}`, ...lines])
}

async function set({ home, output }: Context, name: string, value: string): Promise<void> {
  home.config = withSetting(home.config, name, value)
  output.result({ name, value }, `${name} is now ${value}`)
}

async function unset({ home, output }: Context, name: string): Promise<void> {
  if (!Object.hasOwn(SETTINGS, name)) throw new UsageError(`there is no setting '${name}'`)
  const { [name as keyof Config]: _, ...rest } = home.config
  home.config = rest
  output.result({ name }, `${name} is at its default again`)
}
