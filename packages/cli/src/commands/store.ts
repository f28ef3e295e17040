// SPDX-License-Identifier: Apache-2.0
/**
 * `waxwing store`: care for the files that hold keys and state.
 *
 * @module
 */

import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import {
  createKeyFile,
  restoreBackup,
  type SqliteStore,
  type StoreKeySource,
} from '@waxwing/store-sqlite'
import { withContext, type Context } from '../context.js'
import { UsageError } from '../exit-codes.js'
import type { Home, StoreName } from '../home.js'
import { askPassphrase, passphraseFrom } from '../passphrase.js'
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
      notes: ['The copy is locked with the key of the store, and is worth nothing without it.'],
    },
  )
  teach(
    store
      .command('restore')
      .description('put a backup to where there is no store')
      .argument('<file>', 'what `waxwing store backup` wrote')
      .option('--key-file <file>', 'the key of the backup; it is copied into the home')
      .option(...OF)
      .action(withContext(restore)),
    {
      examples: [
        '--home new store restore waxwing-2026-11-22.db --key-file safe/store.key',
        '--home new --passphrase store restore waxwing-2026-11-22.db',
      ],
      next: '`waxwing doctor`.',
      notes: [
        'It needs the key that the store had when the backup was made: a file, or a passphrase.',
      ],
    },
  )
  registerKeys(store)
}

function registerKeys(store: Command): void {
  teach(
    store
      .command('rekey')
      .description('lock the store with another key: a new key file, or a passphrase')
      .option('--new-passphrase', 'ask for a passphrase, and need no key file any more')
      .option('--new-passphrase-file <file>', 'the same, and the passphrase stands in a file')
      .option(...OF)
      .action(withContext(rekey)),
    {
      examples: [
        'store rekey',
        'store rekey --new-passphrase',
        '--passphrase-file old store rekey --new-passphrase-file new',
      ],
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
  const keyFile = context.home.path(`${name}.key`)
  const isByFile = existsSync(keyFile)
  context.output.next(
    isByFile
      ? `keep a copy of ${keyFile} elsewhere: without it the backup opens nothing;`
      : 'keep the passphrase or key of the store: without it the backup opens nothing;',
    `to bring it back: waxwing store restore ${file}${isByFile ? ' --key-file KEY' : ''}`,
  )
}

async function restore(
  { home, output }: Context,
  file: string,
  options: Which & { readonly keyFile?: string },
): Promise<void> {
  const name = oneOf(NAMES, options.of, '--of')
  if (home.has(name)) throw new UsageError(`there is a ${name}.db in ${home.folder} already`)
  if (!existsSync(file)) throw new UsageError(`there is no file ${file}`)
  home.make()
  const target = home.path(`${name}.db`)
  await restoreBackup(file, target, { key: await keyOfBackup(home, name, options.keyFile) })
  if (options.keyFile !== undefined) takeKey(options.keyFile, home.path(`${name}.key`))
  output.result({ restored: target }, `Restored ${target}`)
}

async function keyOfBackup(
  home: Home,
  name: StoreName,
  given: string | undefined,
): Promise<StoreKeySource> {
  if (given === undefined) return home.keyOf(name)
  const own = home.path(`${name}.key`)
  if (existsSync(own) && !readFileSync(own).equals(readFileSync(given))) {
    throw new UsageError(`there is another key at ${own}: move it away first`)
  }
  return { keyFile: given }
}

function takeKey(from: string, to: string): void {
  if (existsSync(to)) return
  writeFileSync(to, readFileSync(from), { flag: 'wx', mode: 0o600, flush: true })
}

interface RekeyOptions extends Which {
  readonly newPassphrase?: boolean
  readonly newPassphraseFile?: string
}

async function rekey(context: Context, options: RekeyOptions): Promise<void> {
  const name = oneOf(NAMES, options.of, '--of')
  const file = options.newPassphraseFile
  const isByPassphrase = options.newPassphrase === true || file !== undefined
  const store = await context.openStore(name)
  if (isByPassphrase) await lockWithPassphrase(context, { name, store, file })
  else await lockWithFile(context, { name, store })
}

async function lockWithPassphrase(
  { home, output }: Context,
  { name, store, file }: { name: StoreName; store: SqliteStore; file: string | undefined },
): Promise<void> {
  const read = passphraseFrom({ ask: false, file })
  const passphrase =
    file === undefined ? await askPassphrase('New passphrase: ', 'twice') : (read ?? '')
  if (passphrase === '') throw new UsageError('the passphrase is empty')
  await store.rekey({ passphrase })
  output.result({ rekeyed: name, by: 'passphrase' }, [
    `${name}.db is locked with the passphrase from now on`,
    ...putAway(home.path(`${name}.key`)),
  ])
}

async function lockWithFile(
  { home, output }: Context,
  { name, store }: { name: StoreName; store: SqliteStore },
): Promise<void> {
  const keyFile = home.path(`${name}.key`)
  const next = `${keyFile}.new`
  createKeyFile(next)
  await store.rekey({ keyFile: next })
  // The new key works now; whatever happens here, one of the two files is it.
  const told = putAway(keyFile)
  renameSync(next, keyFile)
  output.result({ rekeyed: name, by: 'key file' }, [
    `${name}.db is locked with a new key from now on, in ${keyFile}`,
    ...told,
  ])
}

/** Keeps a key that was in use until now, if it was in a file. Returns what to say of it. */
function putAway(keyFile: string): readonly string[] {
  if (!existsSync(keyFile)) return []
  renameSync(keyFile, `${keyFile}.old`)
  return [`${keyFile}.old opens older backups only`]
}

async function check(context: Context, options: Which): Promise<void> {
  const name = oneOf(NAMES, options.of, '--of')
  const store = await context.openStore(name)
  await store.verify()
  context.output.result({ checked: name, ok: true }, `${name}.db is whole`)
}
