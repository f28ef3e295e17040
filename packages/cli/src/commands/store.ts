// SPDX-License-Identifier: Apache-2.0
/**
 * `waxwing store`: care for the files that hold keys and state.
 *
 * @module
 */

import { existsSync, renameSync } from 'node:fs'
import type { Command } from 'commander'
import { createKeyFile, restoreBackup, type StoreKeySource } from '@waxwing/store-sqlite'
import { withContext, type Context } from '../context.js'
import { UsageError } from '../exit-codes.js'
import type { StoreName } from '../home.js'
import { askPassphrase } from '../passphrase.js'
import { teach } from '../teaching.js'
import { oneOf } from '../wishes.js'

interface Which {
  readonly of: string
}

const NAMES: readonly StoreName[] = ['store', 'domain', 'recovery']
const OF = ['--of <which>', `which one: ${NAMES.join(', ')}`, 'store'] as const

export function registerStore(program: Command): void {
  const store = program.command('store').description('back up, restore, lock and check the store')
  teach(
    store
      .command('backup')
      .description('copy the store to a new file, while it is in use')
      .argument('<file>', 'the file to write')
      .option(...OF)
      .action(withContext(backup)),
    {
      examples: ['store backup waxwing-2026-11-22.db'],
      next: 'keep the key (store.key, or the passphrase) elsewhere than the copy.',
    },
  )
  teach(
    store
      .command('restore')
      .description('put a backup to where there is no store')
      .argument('<file>', 'what `waxwing store backup` wrote')
      .option(...OF)
      .action(withContext(restore)),
    { examples: ['--home new store restore waxwing-2026-11-22.db'], next: '`waxwing doctor`.' },
  )
  teach(
    store
      .command('rekey')
      .description('lock the store with another key: a new key file, or a passphrase')
      .option('--new-passphrase', 'ask for a passphrase, and need no key file any more')
      .option(...OF)
      .action(withContext(rekey)),
    {
      examples: ['store rekey', 'store rekey --new-passphrase'],
      next: 'backups made before keep the key that they had.',
    },
  )
  teach(
    store
      .command('check')
      .description('read every page and every value, and say whether all is well')
      .option(...OF)
      .action(withContext(check)),
    { examples: ['store check'], next: 'if it is damaged, `waxwing store restore` a backup.' },
  )
}

async function backup(context: Context, file: string, options: Which): Promise<void> {
  const name = oneOf(NAMES, options.of, '--of')
  const store = await context.openStore(name)
  await store.backup(file)
  context.output.result({ file, of: name }, `Wrote ${file}`)
  context.output.next('keep the key of the store elsewhere: without it the copy opens nothing')
}

async function restore({ home, output }: Context, file: string, options: Which): Promise<void> {
  const name = oneOf(NAMES, options.of, '--of')
  if (home.has(name)) throw new UsageError(`there is a ${name}.db in ${home.folder} already`)
  if (!existsSync(file)) throw new UsageError(`there is no file ${file}`)
  home.make()
  const target = home.path(`${name}.db`)
  await restoreBackup(file, target, { key: await home.keyOf(name) })
  output.result({ restored: target }, `Restored ${target}`)
}

async function rekey(
  context: Context,
  options: Which & { readonly newPassphrase?: boolean },
): Promise<void> {
  const { home, output } = context
  const name = oneOf(NAMES, options.of, '--of')
  const store = await context.openStore(name)
  const keyFile = home.path(`${name}.key`)
  if (options.newPassphrase === true) {
    await store.rekey({ passphrase: await askPassphrase('New passphrase: ', 'twice') })
    if (existsSync(keyFile)) renameSync(keyFile, `${keyFile}.old`)
    output.result({ rekeyed: name, by: 'passphrase' }, [
      `${name}.db is locked with the passphrase from now on`,
      ...(existsSync(`${keyFile}.old`) ? [`${keyFile}.old opens older backups only`] : []),
    ])
    return
  }
  const next = `${keyFile}.new`
  createKeyFile(next)
  const key: StoreKeySource = { keyFile: next }
  await store.rekey(key)
  // The new key works now; whatever happens here, one of the two files is it.
  if (existsSync(keyFile)) renameSync(keyFile, `${keyFile}.old`)
  renameSync(next, keyFile)
  output.result({ rekeyed: name, by: 'key file' }, [
    `${name}.db is locked with a new key from now on, in ${keyFile}`,
    `${keyFile}.old opens older backups only`,
  ])
}

async function check(context: Context, options: Which): Promise<void> {
  const name = oneOf(NAMES, options.of, '--of')
  const store = await context.openStore(name)
  await store.verify()
  context.output.result({ checked: name, ok: true }, `${name}.db is whole`)
}
