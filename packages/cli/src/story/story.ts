// SPDX-License-Identifier: Apache-2.0
/**
 * The story, from the first chapter to the last.
 *
 * @module
 */

import { nobodyMayRead } from './chapters/nobody-may-read.js'
import { oneDayIsGranted } from './chapters/one-day-is-granted.js'
import { somebodyIsDenied } from './chapters/somebody-is-denied.js'
import { somebodyIsRevoked } from './chapters/somebody-is-revoked.js'
import { theBrokerTurns } from './chapters/the-broker-turns.js'
import { whatTheBrokerKnows } from './chapters/what-the-broker-knows.js'
import type { Screen } from './screen.js'
import { Stage } from './stage.js'

/**
 * Tells the story.
 *
 * @throws {NotAsTold} If something does not happen as told.
 */
export async function tell(screen: Screen): Promise<void> {
  await screen.opening('Waxwing: seal a message once, decide later who reads it', [
    'Messages pass through brokers that you may not want to trust with their content. What follows' +
      ' happens now, on this machine: an MQTT broker, a thermometer and its readers, each a real' +
      ' MQTT client. Only the clock is moved, because the story takes three days.',
  ])
  await play(screen)
  screen.closing('Where to go next', [
    ['npx waxwing --help', 'the command line: the same things with a broker of your own'],
    ['docs/guide/01-first-steps.md', 'the guide: the first steps'],
    ['docs/guide/02-command-line.md', 'the whole tour by the command line, nothing to program'],
    ['docs/guide/03-sdk.md', 'the same from your own program'],
    ['SECURITY.md', 'what is protected against whom, and what is not'],
  ])
}

async function play(screen: Screen): Promise<void> {
  await using open = new AsyncDisposableStack()
  const stage = await Stage.set(screen, open)
  const dashboard = await nobodyMayRead(stage)
  await oneDayIsGranted(stage, dashboard)
  await somebodyIsDenied(stage, dashboard)
  await somebodyIsRevoked(stage, dashboard)
  await theBrokerTurns(stage, dashboard)
  await whatTheBrokerKnows(stage)
}
