// SPDX-License-Identifier: Apache-2.0
/**
 * Programs of the machine as fixtures: where they are, how they come to a port that is free, where
 * they keep their files, and that they end with the process that started them.
 *
 * @module
 */

import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

const START_ATTEMPTS = 5

/**
 * Starts what `make` makes for a port that was free a moment ago; again with another one, if that was taken.
 *
 * @throws {Error} If it does not come up.
 */
export async function startedAtFreePort<
  Fixture extends { start(): Promise<void>; close(): Promise<void> },
>(make: () => Promise<Fixture>, attempts: number = START_ATTEMPTS): Promise<Fixture> {
  for (let attempt = 1; ; attempt++) {
    const fixture = await make()
    try {
      await fixture.start()
      return fixture
    } catch (error) {
      await fixture.close()
      if (attempt >= attempts) throw error // another process may have taken the port
    }
  }
}

/** The first program of these names, in the folders given before those of the machine's path. */
export function findProgram(
  names: readonly string[],
  folders: readonly string[] = [],
): string | undefined {
  const all = [...folders, ...(process.env['PATH'] ?? '').split(delimiter)]
  return names
    .flatMap((name) => all.map((folder) => join(folder, name)))
    .find((path) => existsSync(path))
}

/**
 * The command under which the kernel ends a program when the process that started it dies, even
 * by SIGKILL. The program keeps the process id. Where there is no `setpriv`, the command as it was.
 */
export function mortal(
  program: string,
  args: readonly string[],
): { program: string; args: readonly string[] } {
  const setpriv = findProgram(['setpriv'])
  if (setpriv === undefined) return { program, args }
  return { program: setpriv, args: ['--pdeathsig', 'KILL', program, ...args] }
}

/** A TCP port of loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** A temporary folder of one fixture; it is gone after `remove`, and when this process exits. */
export class FixtureFolder {
  readonly path: string
  readonly #remove = (): void => rmSync(this.path, { recursive: true, force: true })

  /** @param name - What it is for: part of the folder's name. */
  constructor(name: string) {
    this.path = mkdtempSync(join(tmpdir(), `waxwing-${name}-`))
    process.once('exit', this.#remove)
  }

  file(name: string): string {
    return join(this.path, name)
  }

  /** Writes a file that only its owner may read. */
  write(name: string, content: string): string {
    const path = this.file(name)
    writeFileSync(path, content, { mode: 0o600 })
    return path
  }

  remove(): void {
    process.off('exit', this.#remove)
    this.#remove()
  }
}
