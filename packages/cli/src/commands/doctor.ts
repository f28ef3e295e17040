// SPDX-License-Identifier: Apache-2.0
/**
 * `waxwing doctor`: is all well, and what to do where it is not.
 *
 * @module
 */

import type { Command } from 'commander'
import { runChecks } from '../checks.js'
import { withContext, type Context } from '../context.js'
import type { Finding } from '../finding.js'
import { counted } from '../output.js'
import { teach } from '../teaching.js'

const MARKS: Readonly<Record<Finding['state'], string>> = {
  good: 'ok  ',
  warning: 'hm  ',
  bad: 'BAD ',
}

export function registerDoctor(program: Command): void {
  teach(
    program
      .command('doctor')
      .description('check clock, store, identity, trust and broker, and say what to do')
      .action(withContext(run)),
    {
      examples: ['doctor', 'doctor --json'],
      next: 'do what it says, and ask it again.',
      notes: [
        'It takes a newer trust bundle of the own domain from the broker, where there is one.',
      ],
    },
  )
}

async function run(context: Context): Promise<void> {
  let badCount = 0
  let warningCount = 0
  let firstError: Error | undefined
  for await (const finding of runChecks(context)) {
    const { check, state, found, advice, error } = finding
    context.output.result({ check, state, found, advice }, [
      `${MARKS[state]} ${check.padEnd(10)} ${found}`,
      ...(advice === undefined ? [] : [`     ${' '.repeat(10)} → ${advice}`]),
    ])
    if (state === 'warning') warningCount++
    if (state !== 'bad') continue
    badCount++
    firstError ??= error
  }
  if (badCount > 0) throw firstError ?? new Error(`${badCount} checks failed`)
  context.output.note(
    warningCount === 0
      ? 'All is well.'
      : `Nothing is broken; see to ${counted(warningCount, 'point')}.`,
  )
}
