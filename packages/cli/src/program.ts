// SPDX-License-Identifier: Apache-2.0
/**
 * The command line as a whole: its commands in the order in which one learns them.
 *
 * @module
 */

import { Command } from 'commander'
import { registerBridge } from './commands/bridge.js'
import { registerCoap } from './commands/coap.js'
import { registerConfig } from './commands/config.js'
import { registerDoctor } from './commands/doctor.js'
import { registerDomain } from './commands/domain.js'
import { registerGrant } from './commands/grant.js'
import { registerHelp } from './commands/help.js'
import { registerHistory } from './commands/history.js'
import { registerId } from './commands/id.js'
import { registerInspect } from './commands/inspect.js'
import { registerMail } from './commands/mail.js'
import { registerOpen } from './commands/open.js'
import { registerPub } from './commands/pub.js'
import { registerTake } from './commands/take.js'
import { registerReceive } from './commands/receive.js'
import { registerRecord } from './commands/record.js'
import { registerRecover } from './commands/recover.js'
import { registerRequests } from './commands/requests.js'
import { registerRevoke } from './commands/revoke.js'
import { registerRules } from './commands/rules.js'
import { registerSend } from './commands/send.js'
import { registerStore } from './commands/store.js'
import { registerSub } from './commands/sub.js'
import { registerTrust } from './commands/trust.js'
import { brokersText } from './broker/url.js'
import { ownVersion, registerVersion } from './commands/version.js'

const HELP_WIDTH = 100

const AFTER = `
Begin:
  $ waxwing id create --name thermometer      an identity, in ~/.waxwing or --home DIR
  $ waxwing doctor                            is all well?
  $ waxwing help pub                          each command has an example and what comes next

Environment: WAXWING_HOME, WAXWING_BROKER, WAXWING_STORE_KEY, WAXWING_PASSPHRASE,
WAXWING_BROKER_PASSWORD, WAXWING_SMTP_PASSWORD. Secrets are never arguments.
Exit codes: docs/reference/exit-codes.md

Brokers:
${brokersText()}`

/** Builds the command line. Commands throw; nothing here ends the process. */
/** @param writeError - Where commander says what was wrong. Default: standard error. */
export function buildProgram(writeError?: (text: string) => void): Command {
  const program = new Command('waxwing')
    .description(
      'Seals messages end to end through brokers nobody has to trust,\n' +
        'and decides who may read them: before or after they were sent.',
    )
    .option('--home <dir>', 'where identity, keys and settings lie (default: ~/.waxwing)')
    .option('--broker <url>', 'the broker, instead of the one in the settings')
    .option('--json', 'one JSON object a line on standard output')
    .option('--quiet', 'no hints and no progress')
    .option('--passphrase', 'ask for the passphrase of the store, or a new one where it is made')
    .option('--passphrase-file <file>', 'read the passphrase of the store from a file')
    .option('--broker-password-file <file>', 'read the password at the broker from a file')
    .version(ownVersion(), '-V, --version', 'show the version')
    .addHelpText('after', AFTER)
    .configureHelp({ showGlobalOptions: false })
    .configureOutput({
      getOutHelpWidth: () => HELP_WIDTH,
      getErrHelpWidth: () => HELP_WIDTH,
      ...(writeError === undefined ? {} : { writeErr: writeError }),
    })
    .showSuggestionAfterError()
  registerCommands(program)
  for (const command of everyCommand(program)) command.exitOverride()
  return program
}

function registerCommands(program: Command): void {
  program.commandsGroup('Who you are:')
  registerId(program)
  registerTrust(program)
  program.commandsGroup('Messages:')
  registerPub(program)
  registerSub(program)
  registerHistory(program)
  registerSend(program)
  registerReceive(program)
  registerMail(program)
  registerRecord(program)
  registerBridge(program)
  registerOpen(program)
  program.commandsGroup('Who may read:')
  registerRequests(program)
  registerGrant(program)
  registerRules(program)
  registerRevoke(program)
  registerTake(program)
  program.commandsGroup('Whose data it is:')
  registerDomain(program)
  registerRecover(program)
  program.commandsGroup('Devices:')
  registerCoap(program)
  program.commandsGroup('Care:')
  registerInspect(program)
  registerDoctor(program)
  registerStore(program)
  registerConfig(program)
  registerVersion(program)
  registerHelp(program)
}

/** A command and all below it. */
export function everyCommand(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(everyCommand)]
}
