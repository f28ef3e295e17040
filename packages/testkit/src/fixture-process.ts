// SPDX-License-Identifier: Apache-2.0
/**
 * Programs of the machine as fixtures: where they are, and how they come to a port that is free.
 *
 * @module
 */

import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const START_ATTEMPTS = 5

/**
 * Starts what `make` makes for a port that was free a moment ago; again with another one, if that was taken.
 *
 * @throws {Error} If it does not come up.
 */
export async function startedAtFreePort<
  Fixture extends { start(): Promise<void>; close(): Promise<void> },
>(make: () => Promise<Fixture>): Promise<Fixture> {
  for (let attempt = 1; ; attempt++) {
    const fixture = await make()
    try {
      await fixture.start()
      return fixture
    } catch (error) {
      await fixture.close()
      if (attempt === START_ATTEMPTS) throw error // another process may have taken the port
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
