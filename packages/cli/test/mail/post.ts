// SPDX-License-Identifier: Apache-2.0
/**
 * A post office and homes with mailboxes at it: mails are delivered before the server has answered.
 *
 * @module
 */

import {
  dovecotAvailable,
  startDovecot,
  startSmtpSink,
  type Dovecot,
  type SmtpSink,
} from '@waxwing/testkit'
import { Office } from '../transcripts/office.js'
import type { Ended, Running } from '../transcripts/running.js'

export { dovecotAvailable }

const DOMAIN = 'example.test'

export class Post {
  readonly office: Office
  readonly dovecot: Dovecot
  readonly sink: SmtpSink
  readonly #env: Readonly<Record<string, string>>

  private constructor(office: Office, dovecot: Dovecot, sink: SmtpSink) {
    this.office = office
    this.dovecot = dovecot
    this.sink = sink
    this.#env = { WAXWING_BROKER_PASSWORD: dovecot.password }
  }

  /** Members may publish below their names, and nobody has anybody's card. */
  static async open(...members: readonly string[]): Promise<Post> {
    const dovecot = await startDovecot()
    const sink = await startSmtpSink({ lmtpPort: dovecot.lmtpPort })
    return await Post.over({ dovecot, sink }, ...members)
  }

  /** The same with servers of somebody else's making, closed with it. */
  static async over(
    { dovecot, sink }: Pick<Post, 'dovecot' | 'sink'>,
    ...members: readonly string[]
  ): Promise<Post> {
    const nowhere = { url: 'mqtt://127.0.0.1:1', close: () => Promise.resolve() }
    return new Post(await Office.beside(nowhere, ...members), dovecot, sink)
  }

  mailbox(name: string): string {
    return `${name}@${DOMAIN}`
  }

  /** The account of a home, as `--broker`. */
  account(name: string, more = ''): string {
    const { dovecot, sink } = this
    const from = this.mailbox(name)
    return `mail://127.0.0.1:${dovecot.port}?smtp=127.0.0.1:${sink.port}&smtp-user=&from=${from}${more}`
  }

  /** Runs a command of a home with its account as the broker. */
  at(home: string, ...args: readonly string[]): Promise<Ended> {
    return this.start(home, ...args).ended()
  }

  /** The same, with another account. */
  over(account: string, home: string, ...args: readonly string[]): Promise<Ended> {
    return this.office.startWith(this.#env, home, '--broker', account, ...args).ended()
  }

  start(home: string, ...args: readonly string[]): Running {
    return this.office.startWith(this.#env, home, '--broker', this.account(home), ...args)
  }

  introduce(who: string, to: string): Promise<void> {
    return this.office.introduce(who, to)
  }

  async close(): Promise<void> {
    await this.office.close()
    await this.sink.close()
    await this.dovecot.close()
  }
}
