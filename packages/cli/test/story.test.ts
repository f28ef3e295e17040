// SPDX-License-Identifier: Apache-2.0
/**
 * `npm start` as a newcomer has it: the built story in a process of its own, over real MQTT.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const MAIN = fileURLToPath(new URL('../dist/story/main.js', import.meta.url))
const LIMIT_MS = 60_000

interface Ended {
  readonly status: number | string
  readonly stdout: string
  readonly stderr: string
}

function run(nodeOptions: readonly string[], args: readonly string[]): Promise<Ended> {
  const { promise, resolve } = Promise.withResolvers<Ended>()
  const env = { ...process.env, COLUMNS: '110' }
  const options = { env, timeout: LIMIT_MS }
  execFile(process.execPath, [...nodeOptions, MAIN, ...args], options, (error, stdout, stderr) => {
    resolve({ status: error === null ? 0 : (error.code ?? 'killed'), stdout, stderr })
  })
  return promise
}

/** Runs the story with one thing broken before it begins. */
function runBroken(sabotage: string): Promise<Ended> {
  const code = encodeURIComponent(sabotage)
  return run(['--import', `data:text/javascript,${code}`], ['--fast'])
}

const CLIENT = JSON.stringify(new URL('../../client/dist/index.js', import.meta.url).href)

describe('the story', () => {
  let told: Promise<Ended> | undefined
  const undisturbed = (): Promise<Ended> => (told ??= run([], ['--fast']))

  it(
    'tells every chapter, shows both sides, and ends by itself with status 0',
    async () => {
      const { status, stdout, stderr } = await undisturbed()
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
      for (const line of [
        /WHAT THE BROKER SEES +│ WHAT THE READERS SEE/,
        /plant\/1\/temperature, \d+ bytes +│ dashboard +parked: it has no key for this/,
        /kid [\da-f]{16}, epoch \d+/,
        /waxwing\/v1\/request\/[\da-f]{16}/,
        /✓ Six readings over three days: the dashboard holds all of them and opened none\./,
        /opened: 22\.4 °C \(thermometer, \w+ 09:00\)/,
        /✓ The dashboard opened exactly the two readings of \w+; the other four stay shut\./,
        /told no: not-authorized/,
        /✓ The contractor opened nothing that was sealed after it was revoked\./,
        /duplicate: /,
        /gap: number \d+ is missing/,
        /gap filled: /,
        /not authentic: /,
        /moved: it belongs to plant\/1\/temperature/,
        /malformed: /,
        /✓ Six tricks, six reports/,
        /✓ \d+ messages, [\d,]+ bytes: not one of the \d+ readings is to be found in them/,
        /Where to go next/,
        /npx waxwing --help/,
      ]) {
        expect(stdout).toMatch(line)
      }
      expect(stdout).not.toContain('\u001b[')
      expect(Math.max(...stdout.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(110)
    },
    LIMIT_MS,
  )

  it(
    'points to files that exist',
    async () => {
      const { stdout } = await undisturbed()
      const [, ways = ''] = stdout.split('Where to go next')
      const files = [...ways.matchAll(/\S+\.md/g)].map(([file]) => file)
      expect(files.length).toBeGreaterThan(2)
      expect(files.filter((file) => !existsSync(`${ROOT}/${file}`))).toEqual([])
    },
    LIMIT_MS,
  )

  it(
    'ends with status 1 and says what was not so, where something does not happen as told',
    async () => {
      const sabotage = `
        const { Reader } = await import(${CLIENT})
        Reader.prototype.parked = async () => []`
      const { status, stdout } = await runBroken(sabotage)
      expect(status).toBe(1)
      expect(stdout).toMatch(/✗ Not as told: Six readings over three days/)
      expect(stdout).not.toContain('Where to go next')
    },
    LIMIT_MS,
  )

  it(
    'ends with status 1 where a reading leaks to the broker',
    async () => {
      const sabotage = `
        const { Producer } = await import(${CLIENT})
        const { publish } = Producer.prototype
        Producer.prototype.publish = function (text, options) {
          return publish.call(this, text, { ...options, clearPart: new TextEncoder().encode(text) })
        }`
      const { status, stdout } = await runBroken(sabotage)
      expect(status).toBe(1)
      expect(stdout).toMatch(/✗ Not as told: \d+ messages, .* not one of the/)
    },
    LIMIT_MS,
  )

  it('says how it is used where it was started wrongly, without a trace of the stack', async () => {
    const { status, stdout, stderr } = await run([], ['--bogus'])
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toContain('npm start -- --fast')
    expect(stderr).not.toMatch(/^ +at /m)
  })

  it('says how it is used', async () => {
    const { status, stdout } = await run([], ['--help'])
    expect(status).toBe(0)
    expect(stdout).toContain('npm start')
  })
})
