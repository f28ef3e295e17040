// SPDX-License-Identifier: Apache-2.0
/**
 * Kannel as a fixture: a gateway for SMS, in C, that is a client of a message centre like ourselves. Its
 * bearerbox speaks SMPP; its smsbox takes messages by HTTP, and hands over by HTTP what came.
 *
 * @module
 */

import { once } from 'node:events'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { findProgram, FixtureFolder, freePort } from './fixture-process.js'
import { ServerProcess } from './server-process.js'

export interface KannelOptions {
  /** The port of the centre at 127.0.0.1. */
  readonly centrePort: number
  /** Its own number, and its name at the centre. */
  readonly number: string
}

/** What Kannel handed over. */
export interface KannelMessage {
  readonly from: string
  readonly to: string
  /** 0: text, 1: bytes. */
  readonly coding: number
  readonly bytes: Uint8Array
}

export interface Kannel {
  /** Everything that came, in order. */
  readonly received: readonly KannelMessage[]
  /** Sends bytes; Kannel splits them. */
  send(to: string, bytes: Uint8Array): Promise<void>
  /** Sends text, in the default alphabet of GSM; Kannel splits it. */
  sendText(to: string, text: string): Promise<void>
  log(): string
  close(): Promise<void>
}

/** Tells whether the machine has Kannel. */
export function kannelAvailable(): boolean {
  return findBox('bearerbox') !== undefined && findBox('smsbox') !== undefined
}

/** Starts Kannel. @throws {Error} If the machine has none, or it does not come up. */
export async function startKannel(options: KannelOptions, attempts = 3): Promise<Kannel> {
  for (let attempt = 1; ; attempt++) {
    const kannel = new KannelBoxes(options)
    try {
      await kannel.start()
      return kannel
    } catch (error) {
      await kannel.close()
      if (attempt >= attempts) throw error // another process may have taken a port
    }
  }
}

class KannelBoxes implements Kannel {
  readonly received: KannelMessage[] = []
  readonly #options: KannelOptions
  readonly #folder = new FixtureFolder('kannel')
  readonly #boxes: ServerProcess[] = []
  #listener: Server | undefined
  #sendPort = 0

  constructor(options: KannelOptions) {
    this.#options = options
  }

  async start(): Promise<void> {
    const listenPort = await this.#listen()
    const ports = { admin: await freePort(), box: await freePort(), send: await freePort() }
    this.#sendPort = ports.send
    const config = configuration(this.#options, { ...ports, listen: listenPort })
    const file = this.#folder.write('kannel.conf', config)
    const commands = [
      ['bearerbox', 'type_name: bind_transceiver_resp'],
      ['smsbox', 'Connected to bearerbox'],
    ] as const
    for (const [name, upWhen] of commands) {
      const program = findBox(name)
      if (program === undefined) throw new Error(`${name} is not on this machine`)
      const box = new ServerProcess({ program, args: ['-v', '0', file], upWhen })
      this.#boxes.push(box)
      await box.start()
    }
  }

  log(): string {
    return this.#boxes.map((box) => box.log()).join('\n')
  }

  send(to: string, bytes: Uint8Array): Promise<void> {
    return this.#submit({ to, coding: '1' }, bytes)
  }

  sendText(to: string, text: string): Promise<void> {
    return this.#submit({ to, coding: '0', charset: 'UTF-8' }, Buffer.from(text))
  }

  async #submit(fields: Readonly<Record<string, string>>, bytes: Uint8Array): Promise<void> {
    const query = new URLSearchParams({
      username: 'tester',
      password: 'tester',
      from: this.#options.number,
      ...fields,
    })
    const text = [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')
    const path = `/cgi-bin/sendsms?${query.toString()}&text=${text}`
    const { promise, resolve, reject } = Promise.withResolvers<number | undefined>()
    const asking = request({ host: '127.0.0.1', port: this.#sendPort, path }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode))
    })
    asking.on('error', reject).end()
    const status = await promise
    if (status !== 202) throw new Error(`Kannel answers ${status}:\n${this.log()}`)
  }

  async close(): Promise<void> {
    await Promise.all(this.#boxes.toReversed().map((box) => box.stop('SIGKILL')))
    this.#listener?.closeAllConnections()
    this.#listener?.close()
    this.#folder.remove()
  }

  async #listen(): Promise<number> {
    const listener = createServer((asked, response) => {
      this.#take(asked.url ?? '')
      response.end()
    })
    this.#listener = listener
    listener.listen(0, '127.0.0.1')
    await once(listener, 'listening')
    return (listener.address() as AddressInfo).port
  }

  #take(url: string): void {
    const fields = new Map(
      url
        .slice(url.indexOf('?') + 1)
        .split('&')
        .map((field) => field.split('=', 2) as [string, string]),
    )
    const bytesOf = (name: string): Uint8Array => unescaped(fields.get(name) ?? '')
    const textOf = (name: string): string => Buffer.from(bytesOf(name)).toString('latin1')
    const [from, to, coding] = [textOf('from'), textOf('to'), Number(textOf('coding'))]
    this.received.push({ from, to, coding, bytes: bytesOf('binary') })
  }
}

/** Bytes of a part of a URL, which need not be text. */
function unescaped(text: string): Uint8Array {
  const plain = text.replaceAll('+', ' ')
  const bytes = plain.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return new Uint8Array(Buffer.from(bytes, 'latin1'))
}

function configuration(
  { centrePort, number }: KannelOptions,
  ports: { admin: number; box: number; send: number; listen: number },
): string {
  const url = `http://127.0.0.1:${ports.listen}/?from=%p&to=%P&coding=%c&binary=%b`
  const groups: readonly Readonly<Record<string, string | number>>[] = [
    {
      group: 'core',
      'admin-port': ports.admin,
      'admin-password': 'tester',
      'smsbox-port': ports.box,
      'box-allow-ip': '127.0.0.1',
      'sms-combine-concatenated-mo': 'true',
    },
    {
      group: 'smsc',
      smsc: 'smpp',
      'smsc-id': 'centre',
      host: '127.0.0.1',
      port: centrePort,
      'smsc-username': number,
      'smsc-password': 'tester',
      'system-type': '""',
      'transceiver-mode': 'true',
      'reconnect-delay': 1,
    },
    {
      group: 'smsbox',
      'bearerbox-host': '127.0.0.1',
      'sendsms-port': ports.send,
      'http-request-retry': 3,
      'http-queue-delay': 1,
    },
    {
      group: 'sendsms-user',
      username: 'tester',
      password: 'tester',
      concatenation: 'true',
      'max-messages': 255,
    },
    {
      group: 'sms-service',
      keyword: 'default',
      'catch-all': 'true',
      'max-messages': 0,
      'get-url': `"${url}"`,
    },
  ]
  return groups.map(groupText).join('\n')
}

function groupText(group: Readonly<Record<string, string | number>>): string {
  return Object.entries(group)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join('')
}

function findBox(name: string): string | undefined {
  return findProgram([name], ['/usr/sbin', '/usr/local/sbin'])
}
