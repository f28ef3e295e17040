// SPDX-License-Identifier: Apache-2.0
/**
 * Verifies the models of the protocol in `docs/spec/model/` with SPIN, exhaustively, and those that
 * are broken on purpose: a property that cannot fail says nothing. Prints a table, and fails where
 * anything is not as `model-runs.ts` expects. Arguments narrow it down: `npm run model -- nodes`.
 *
 * Without SPIN and a C compiler that is a failure in CI, and elsewhere a skip that says so.
 *
 * @module
 */

import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MODEL_RUNS, type Expectation, type ModelRun } from './model-runs.ts'
import { ROOT } from './workspaces.ts'

const FOLDER = join(ROOT, 'docs/spec/model')
const MAX_DEPTH = 1_000_000
const MAX_MEGABYTES = 2000
/** On a machine that does nothing else, none takes a tenth of it. */
const TIMEOUT_MS = 600_000
/** Runs at a time. */
const AT_ONCE = 2

interface Verdict {
  /** What is not as expected. */
  readonly problem: string | undefined
  readonly isBroken: boolean
  readonly states: number
}

interface Outcome extends Verdict {
  readonly run: ModelRun
  readonly seconds: number
}

/** What a program says, and how it ends; a verifier that found something ends well. */
function output(command: string, args: readonly string[], cwd: string): Promise<string> {
  const options = { cwd, timeout: TIMEOUT_MS, maxBuffer: 2 ** 26 }
  return new Promise((resolve, reject) => {
    execFile(command, args, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(new Error(error.killed ? `${command} took too long` : `${stdout}${stderr}`))
    })
  })
}

/** Never rejects. */
async function verify(run: ModelRun): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'waxwing-model-'))
  const started = performance.now()
  try {
    const said = await runVerifier(run, folder)
    return { ...judge(run, said), run, seconds: (performance.now() - started) / 1000 }
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error)
    return { run, problem, isBroken: false, states: 0, seconds: 0 }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function runVerifier(
  { model, property, isLiveness, macros }: ModelRun,
  folder: string,
): Promise<string> {
  const defines = macros.map((macro) => `-D${macro}`)
  await output('spin', [...defines, '-a', join(FOLDER, `${model}.pml`)], folder)
  const kind = property === undefined ? ['-DSAFETY'] : ['-DNFAIR=4']
  const compiled = ['-O2', '-w', '-DCOLLAPSE', `-DMEMLIM=${MAX_MEGABYTES}`, ...kind]
  await output('gcc', [...compiled, '-o', 'pan', 'pan.c'], folder)
  const claim = property === undefined ? ['-E'] : ['-a', '-N', property]
  const fair = isLiveness ? ['-f'] : []
  return output('./pan', [...claim, ...fair, `-m${MAX_DEPTH}`], folder)
}

/** What a verifier found. A search that was cut short has shown nothing. */
export function judge(
  { expected, isLiveness }: Pick<ModelRun, 'expected' | 'isLiveness'>,
  said: string,
): Verdict {
  const isBroken = said.includes(isLiveness ? 'acceptance cycle' : 'assertion violated')
  const states = Number(/(\d+) states, stored/.exec(said)?.[1] ?? 0)
  return { problem: problemOf(expected, said, isBroken), isBroken, states }
}

function problemOf(expected: Expectation, said: string, isBroken: boolean): string | undefined {
  const errors = /errors: (\d+)/.exec(said)?.[1]
  if (errors === undefined) return `the verifier failed: ${said}`
  if (isBroken) return expected === 'holds' ? 'a counterexample' : undefined
  if (errors !== '0') return `an error, and not of the property: ${said}`
  if (/max search depth too small|Search not completed/.test(said))
    return 'the search was cut short'
  return expected === 'holds' ? undefined : 'no counterexample'
}

function line({ run, problem, isBroken, states, seconds }: Outcome): string {
  const { model, property = 'assertions', macros, expected } = run
  const found = problem === undefined ? (isBroken ? expected : 'holds') : `SURPRISE: ${problem}`
  const name = `${model} ${property}`.padEnd(22)
  const counts = `${String(states).padStart(8)} ${seconds.toFixed(1).padStart(5)} s`
  return `${name} ${macros.join(' ').padEnd(42)} ${counts}  ${found}`
}

async function verifyAll(runs: readonly ModelRun[]): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = []
  const left = [...runs]
  const work = async (): Promise<void> => {
    for (let run = left.shift(); run !== undefined; run = left.shift()) {
      const outcome = await verify(run)
      console.log(line(outcome))
      outcomes.push(outcome)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return outcomes
}

async function main(named: readonly string[]): Promise<number> {
  const missing = ['spin', 'gcc'].filter((name) => spawnSync(name, ['-V']).error !== undefined)
  if (missing.length > 0) {
    console.error(`model skipped: no ${missing.join(' and no ')}; on Debian: apt install spin gcc`)
    return process.env['CI'] === undefined ? 0 : 1
  }
  const runs = MODEL_RUNS.filter(({ model }) => named.length === 0 || named.includes(model))
  const outcomes = await verifyAll(runs)
  const surprises = outcomes.filter(({ problem }) => problem !== undefined).length
  const open = outcomes.filter(({ run, isBroken }) => run.expected === 'open' && isBroken).length
  console.log(`${outcomes.length} verifications, ${open} known to fail, ${surprises} surprises`)
  return surprises === 0 && outcomes.length > 0 ? 0 : 1
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2))
