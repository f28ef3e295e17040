// SPDX-License-Identifier: Apache-2.0
/**
 * Makes a clone ready to run: installs what the lock file says, then builds the packages. Every
 * npm script that needs either starts with it; when nothing changed it only looks, in a blink.
 *
 * Plain JavaScript for Node 20, without dependencies: it is what runs before anything is installed.
 * What it installs includes the Node that everything else runs on (`docs/adr/0001-tools.md`).
 *
 * @module
 */

import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installedMatches } from './installed.mjs'
import { leftOvers } from './left-overs.mjs'
import { withLock } from './lock.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const MODULES = join(ROOT, 'node_modules')
const OWN_NODE = join(MODULES, '.bin', process.platform === 'win32' ? 'node.cmd' : 'node')
const INSTALL_STAMP = join(MODULES, '.waxwing-installed')
const BUILD_STAMP = join(MODULES, '.waxwing-built')
const NODE_MAJOR = 24

/** A failure that is told in its own words, without a stack. */
class SetUpError extends Error {}

async function setUp() {
  if (isInstalled() && isBuilt()) return requireNode()
  fs.mkdirSync(join(ROOT, 'build'), { recursive: true })
  await withLock(
    join(ROOT, 'build', 'set-up.lock'),
    async (enter) => {
      if (!isInstalled()) await install(enter)
      requireNode()
      if (!isBuilt()) await build(enter)
    },
    () => say('another set-up is running; waiting for it'),
  )
}

function isInstalled() {
  const wanted = digest([fs.readFileSync(join(ROOT, 'package-lock.json'))])
  if (readIfThere(INSTALL_STAMP) === wanted) return true
  if (!installedMatches(ROOT)) return false
  fs.writeFileSync(INSTALL_STAMP, wanted)
  return true
}

/** @param {(pid: number) => void} enter */
async function install(enter) {
  say('installing dependencies (npm ci), a minute or so')
  fs.rmSync(INSTALL_STAMP, { force: true })
  // npm must not run on a Node that it is about to delete.
  const path = (process.env.PATH ?? '').split(delimiter)
  const outside = path.filter((folder) => !folder.startsWith(MODULES)).join(delimiter)
  await run(enter, 'npm', ['ci', '--loglevel=error'], { ...process.env, PATH: outside })
  fs.writeFileSync(INSTALL_STAMP, digest([fs.readFileSync(join(ROOT, 'package-lock.json'))]))
}

function requireNode() {
  const major = Number(process.versions.node.split('.')[0])
  if (fs.existsSync(OWN_NODE) || major >= NODE_MAJOR) return
  throw new SetUpError(
    `Node ${NODE_MAJOR} or later is needed, and this is Node ${process.versions.node}.\n` +
      'On Linux x64 it comes with the optional dependencies (was npm told to omit them?);\n' +
      'elsewhere install it, for example from https://nodejs.org.',
  )
}

function isBuilt() {
  return readIfThere(BUILD_STAMP) === sourcesDigest()
}

/** @param {(pid: number) => void} enter */
async function build(enter) {
  say('building the packages (tsc -b)')
  const before = sourcesDigest()
  for (const name of fs.readdirSync(join(ROOT, 'packages'))) {
    for (const path of leftOvers(join(ROOT, 'packages', name))) fs.rmSync(path)
  }
  const node = fs.existsSync(OWN_NODE) ? OWN_NODE : process.execPath
  await run(enter, node, [
    join(MODULES, 'typescript', 'bin', 'tsc'),
    '-b',
    'tsconfig.packages.json',
  ])
  fs.writeFileSync(BUILD_STAMP, before)
  say('ready')
}

/** What the build depends on: names, sizes and times of its inputs, and whether its output is there. */
function sourcesDigest() {
  const packages = fs.readdirSync(join(ROOT, 'packages')).toSorted()
  const files = ['tsconfig.base.json', 'tsconfig.packages.json', 'package-lock.json']
  for (const name of packages) {
    const folder = join('packages', name)
    files.push(join(folder, 'package.json'), join(folder, 'tsconfig.json'))
    files.push(...filesUnder(join(folder, 'src')))
  }
  const parts = files.map((file) => {
    const stat = fs.statSync(join(ROOT, file), { throwIfNoEntry: false })
    return `${file} ${stat?.size} ${stat?.mtimeMs}`
  })
  const built = packages.map((name) =>
    fs.existsSync(join(ROOT, 'packages', name, 'dist', 'tsconfig.tsbuildinfo')),
  )
  return digest([parts.join('\n'), built.join()])
}

/** @param {string} folder Relative to the root. @returns {string[]} */
function filesUnder(folder) {
  if (!fs.existsSync(join(ROOT, folder))) return []
  const entries = fs.readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length))
    .toSorted()
}

/**
 * @param {(pid: number) => void} enter @param {string} command @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 */
function run(enter, command, args, env = process.env) {
  // Standard output belongs to whoever called.
  const child = spawn(command, args, {
    cwd: ROOT,
    env,
    stdio: ['ignore', process.stderr, process.stderr],
    shell: process.platform === 'win32',
  })
  if (child.pid !== undefined) enter(child.pid)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) resolve(undefined)
      else reject(new SetUpError(`"${[command, ...args].join(' ')}" failed; see above`))
    })
  })
}

/** @param {string} path */
function readIfThere(path) {
  return fs.existsSync(path) ? fs.readFileSync(path, 'utf8') : undefined
}

/** @param {readonly (string | Uint8Array)[]} parts */
function digest(parts) {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest('hex')
}

/** @param {string} text */
function say(text) {
  process.stderr.write(`set-up: ${text}\n`)
}

try {
  await setUp()
} catch (error) {
  if (!(error instanceof SetUpError)) throw error
  say(error.message)
  process.exitCode = 1
}
