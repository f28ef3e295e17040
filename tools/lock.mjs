// SPDX-License-Identifier: Apache-2.0
/**
 * A lock between processes, as a file: whoever creates it holds it. The holder touches it every
 * second; one that nobody has touched for long, or whose process is gone, is stale and is broken.
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
const STALE_MS = 30_000

/**
 * Runs `work` while holding the lock file, and removes the file afterwards.
 *
 * @template T
 * @param {string} path In a folder that exists.
 * @param {() => Promise<T>} work
 * @param {() => void} onWait Called once, if somebody else holds the lock.
 * @returns {Promise<T>}
 */
export async function withLock(path, work, onWait) {
  const token = `${hostname()} ${process.pid} ${randomUUID()}`
  for (let waited = false; !tryCreate(path, token);) {
    const holder = readHolder(path)
    if (holder !== undefined && isStale(holder)) breakLock(path, holder.token)
    else {
      if (!waited) onWait()
      waited = true
      await delay(100)
    }
  }
  const beat = setInterval(() => touch(path), BEAT_MS)
  try {
    return await work()
  } finally {
    clearInterval(beat)
    if (readHolder(path)?.token === token) fs.rmSync(path, { force: true })
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

/** @param {string} path @returns {{ token: string, ageMs: number } | undefined} */
function readHolder(path) {
  try {
    const token = fs.readFileSync(path, 'utf8')
    return { token, ageMs: Date.now() - fs.statSync(path).mtimeMs }
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined
    throw error
  }
}

/** @param {{ token: string, ageMs: number }} holder */
function isStale({ token, ageMs }) {
  if (ageMs > STALE_MS) return true
  const [host, pid] = token.split(' ')
  return host === hostname() && pid !== undefined && !isAlive(Number(pid))
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
 * @param {string} path @param {string} staleToken
 */
function breakLock(path, staleToken) {
  const aside = `${path}.${randomUUID()}`
  try {
    fs.renameSync(path, aside)
    if (fs.readFileSync(aside, 'utf8') !== staleToken) fs.linkSync(aside, path)
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
