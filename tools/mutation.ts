// SPDX-License-Identifier: Apache-2.0
/**
 * Mutation testing of core with Stryker, folder by folder: changes the code in one place, and sees
 * whether a test fails. Prints what survived, and at the end a table for `docs/mutation.md`.
 * Arguments narrow it down: `npm run mutation -- object receiving`; `--table` alone tries nothing and
 * prints the table of what was found before. What was tried and has not changed is not tried again.
 *
 * @module
 */

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { MUTATED_FOLDERS, RESULTS } from './mutation/folders.ts'
import { ROOT, readJson } from './workspaces.ts'

interface Mutant {
  readonly status: string
  readonly statusReason?: string
}

/** The part of Stryker's report that is counted. */
export interface MutationReport {
  readonly files: Readonly<Record<string, { readonly mutants: readonly Mutant[] }>>
}

/** How many mutants ended how. */
export interface MutantCounts {
  readonly killed: number
  readonly timeout: number
  readonly survived: number
  readonly noCoverage: number
  /** With them no test ran, because a file of tests did not load: neither here nor there. */
  readonly broken: number
  /** Those of constants, which were not tried. Texts for people are not even counted. */
  readonly untried: number
}

export function countMutants({ files }: MutationReport): MutantCounts {
  const all = Object.values(files).flatMap(({ mutants }) => mutants)
  const count = (status: string): number => all.filter((mutant) => mutant.status === status).length
  return {
    killed: count('Killed'),
    timeout: count('Timeout'),
    survived: count('Survived'),
    noCoverage: count('NoCoverage'),
    broken: count('RuntimeError') + count('CompileError'),
    untried: all.filter(({ statusReason }) => statusReason?.startsWith('Static')).length,
  }
}

/** The row of a table: its name, the counts, and the score in percent. */
export function tableRow(name: string, counts: MutantCounts): string {
  const { killed, timeout, survived, noCoverage, broken, untried } = counts
  const found = killed + timeout
  const score = ((100 * found) / (found + survived + noCoverage)).toFixed(1)
  return `| ${[name, killed, timeout, survived, noCoverage, broken, untried, score].join(' | ')} |`
}

function sum(all: readonly MutantCounts[]): MutantCounts {
  const total = (key: keyof MutantCounts): number =>
    all.reduce((before, counts) => before + counts[key], 0)
  return {
    killed: total('killed'),
    timeout: total('timeout'),
    survived: total('survived'),
    noCoverage: total('noCoverage'),
    broken: total('broken'),
    untried: total('untried'),
  }
}

/** @returns Whether it got to its end. */
function mutate(folder: string): boolean {
  const stryker = join(ROOT, 'node_modules/@stryker-mutator/core/bin/stryker.js')
  const args = [stryker, 'run', 'tools/mutation/stryker.config.ts']
  const env = { ...process.env, MUTATED_FOLDER: folder }
  return spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit', env }).status === 0
}

function printTable(): void {
  const rows = Object.keys(MUTATED_FOLDERS).flatMap((folder) => {
    const path = join(RESULTS, folder, 'report.json')
    return existsSync(path) ? [{ folder, counts: countMutants(readJson(path)) }] : []
  })
  console.log('| folder | killed | timeout | survived | no coverage | broken | untried | score |')
  console.log('| --- | --: | --: | --: | --: | --: | --: | --: |')
  for (const { folder, counts } of rows) console.log(tableRow(`\`${folder}\``, counts))
  console.log(tableRow('all', sum(rows.map(({ counts }) => counts))))
}

/** @returns Whether every folder got to its end. */
function mutateAll(named: readonly string[]): boolean {
  const unknown = named.find((folder) => !Object.hasOwn(MUTATED_FOLDERS, folder))
  if (unknown !== undefined) throw new RangeError(`no folder of core is called ${unknown}`)
  const folders = named.length > 0 ? named : Object.keys(MUTATED_FOLDERS)
  return folders.map(mutate).every(Boolean)
}

if (import.meta.main) {
  const named = process.argv.slice(2)
  if (named.join() !== '--table' && !mutateAll(named)) process.exitCode = 1
  printTable()
}
