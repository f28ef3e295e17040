// SPDX-License-Identifier: Apache-2.0
/** Endpoints of the contract: each has a mailbox of its own, and what is sent goes to those of its test. */
import { emailTransport, readMail, type EmailTransportOptions } from '@waxwing/email'
import {
  startProxy,
  type CuttingProxy,
  type DeadLetter,
  type Dovecot,
  type TransportFixture,
} from '@waxwing/testkit'
import type { Transport } from '@waxwing/core'
import { imapOf, mailboxOf, mailsIn, rejectionsOf } from './post.js'

let users = 0

export interface EndpointsTerms {
  readonly dovecot: Dovecot
  readonly smtpPort: number
  readonly options?: Partial<EmailTransportOptions>
}

interface Endpoint {
  readonly transport: Transport
  readonly proxies: readonly CuttingProxy[]
}

/** What one test uses: new mailboxes, which no other test knows. */
export class ContractEndpoints {
  readonly #terms: EndpointsTerms
  readonly #mailboxes: string[] = []
  readonly #sessions = new Map<string, string>()
  readonly #endpoints: Endpoint[] = []

  constructor(terms: EndpointsTerms) {
    this.#terms = terms
  }

  /** The users whose mailboxes there are. */
  get users(): readonly string[] {
    return this.#mailboxes.map((mailbox) => mailbox.split('@')[0] ?? '')
  }

  readonly open = async (session = ''): Promise<Transport> => {
    const { dovecot, smtpPort, options } = this.#terms
    const user = this.#sessions.get(session) ?? `user${users++}`
    if (session !== '') this.#sessions.set(session, user)
    if (!this.#mailboxes.includes(mailboxOf(user))) this.#mailboxes.push(mailboxOf(user))
    const proxies = [await startProxy(dovecot.port), await startProxy(smtpPort)] as const
    const transport = emailTransport({
      imap: imapOf(dovecot, user, proxies[0].port),
      smtp: { url: `smtp://127.0.0.1:${proxies[1].port}` },
      from: mailboxOf(user),
      routes: () => this.#mailboxes,
      reconnectMinMs: 50,
      reconnectMaxMs: 1_000,
      ...options,
    })
    this.#endpoints.push({ transport, proxies })
    await new Promise<void>((resolve) => {
      transport.onStatus(({ state }) => {
        if (state === 'connected') resolve()
      })
    })
    return transport
  }

  readonly interrupt = (): void => {
    for (const { proxies } of this.#endpoints) for (const proxy of proxies) proxy.cut()
  }

  readonly vanish = (gone: Transport): void => {
    const endpoint = this.#endpoints.find(({ transport }) => transport === gone)
    for (const proxy of endpoint?.proxies ?? []) proxy.sever()
  }

  async close(): Promise<void> {
    for (const { proxies } of this.#endpoints) for (const proxy of proxies) await proxy.close()
  }

  /** What was rejected of any mailbox, as it lies in its folder. */
  readonly deadLetters = async (): Promise<readonly DeadLetter[]> => {
    const { dovecot } = this.#terms
    const letters: DeadLetter[] = []
    for (const user of this.users) {
      for (const mail of await mailsIn(dovecot, user, 'Waxwing/Rejected')) {
        const reasons = rejectionsOf(mail)
        for (const { payload } of readMail(mail).items) {
          for (const reason of reasons) letters.push({ payload, reason })
        }
      }
    }
    return letters
  }

  fixture(): TransportFixture {
    const { open, interrupt, vanish, deadLetters } = this
    return { open, interrupt, vanish, deadLetters }
  }
}
