// SPDX-License-Identifier: Apache-2.0
/**
 * A lock between processes, as a file: whoever creates it holds it. The file names the processes
 * that work under it and is touched every second; it is stale, and is broken, when these processes
 * are gone, or when nobody has touched it for long.
 *
 * Plain JavaScript for Node 20, without dependencies: it runs before anything is installed.
 *
 * @module
 */

import { randomUUID } from 'node:crypto'
import * as fs from 'node:fs'
import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'

const BEAT_MS = 1_000
/** Where it cannot be seen whether the processes live: they are on another machine. */
const STALE_ELSEWHERE_MS = 30_000
/** Where another process may have got the number of one that is gone. */
const STALE_HERE_MS = 600_000

/**
 * Runs `work` while holding the lock file, and removes the file afterwards.
 *
 * @template T
 * @param {string} path In a folder that exists.
 * @param {(enter: (pid: number) => void) => Promise<T>} work Calls `enter` for each child process that
 *   must not outlive the lock, even if this process is killed.
 * @param {() => void} onWait Called once, if somebody else holds the lock.
 * @returns {Promise<T>}
 */
export async function withLock(path, work, onWait) {
  const token = `${hostname()} ${randomUUID()} ${process.pid}`
  for (let waited = false; !tryCreate(path, token);) {
    const holder = readHolder(path)
    if (holder !== undefined && isStale(holder)) breakLock(path, holder.text)
    else {
      if (!waited) onWait()
      waited = true
      await delay(100)
    }
  }
  const beat = setInterval(() => touch(path), BEAT_MS)
  try {
    return await work((pid) => fs.appendFileSync(path, ` ${pid}`))
  } finally {
    clearInterval(beat)
    if (readHolder(path)?.text.startsWith(token) === true) fs.rmSync(path, { force: true })
  }
}

/** @param {string} path @param {string} token */
function tryCreate(path, token) {
  try {
    fs.writeFileSync(path, token, { flag: 'wx' })
    return true
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false
    throw error
  }
}

/** @param {string} path @returns {{ text: string, ageMs: number } | undefined} */
function readHolder(path) {
  try {
    const text = fs.readFileSync(path, 'utf8')
    return { text, ageMs: Date.now() - fs.statSync(path).mtimeMs }
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined
    throw error
  }
}

/** @param {{ text: string, ageMs: number }} holder */
function isStale({ text, ageMs }) {
  const [host, , ...pids] = text.split(' ')
  if (host !== hostname()) return ageMs > STALE_ELSEWHERE_MS
  return ageMs > STALE_HERE_MS || !pids.some((pid) => isAlive(Number(pid)))
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return !isCode(error, 'ESRCH')
  }
}

/**
 * Moves the stale lock aside, which only one process can do, and gives it back if in the meantime
 * it became somebody else's.
 *
 * @param {string} path @param {string} staleText
 */
function breakLock(path, staleText) {
  const aside = `${path}.${randomUUID()}`
  try {
    fs.renameSync(path, aside)
    if (fs.readFileSync(aside, 'utf8') !== staleText) fs.linkSync(aside, path)
  } catch (error) {
    if (!isCode(error, 'ENOENT') && !isCode(error, 'EEXIST')) throw error
  } finally {
    fs.rmSync(aside, { force: true })
  }
}

/** @param {string} path */
function touch(path) {
  try {
    fs.utimesSync(path, new Date(), new Date())
  } catch {
    // Somebody removed it by hand: the work goes on, and the end finds nothing to remove.
  }
}

/** @param {unknown} error @param {string} code */
function isCode(error, code) {
  return error instanceof Error && 'code' in error && error.code === code
}
