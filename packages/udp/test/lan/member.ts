// SPDX-License-Identifier: Apache-2.0
/**
 * A process on a host of a LAN: a transport and an endpoint, told what to do by lines of JSON, each
 * answered by one.
 *
 * @module
 */

import { createInterface } from 'node:readline'
import type { Endpoint, WaxwingEvent } from '@waxwing/client'
import type { Received, TransportStatus } from '@waxwing/core'
import type { UdpTransport, UdpTransportOptions } from '@waxwing/udp'
import '../../../mqtt/test/run-sources.ts'

const { fromBase64Url, fromHex, toHex } = await import('@waxwing/core')
const { memoryStore, openEndpoint } = await import('@waxwing/client')
const { udpTransport } = await import('@waxwing/udp')

let store = memoryStore()
const events: WaxwingEvent[] = []
const statuses: string[] = []
const messages: { address: string; hex: string; retained: boolean }[] = []
const texts: string[] = []
let transport: UdpTransport | undefined
let endpoint: Endpoint | undefined

/** What the member can be told. Times in milliseconds. */
const calls = {
  async open(options: UdpTransportOptions): Promise<number> {
    transport = await udpTransport(options)
    transport.onStatus((status) => statuses.push(described(status)))
    return transport.unicastPort
  },
  async subscribe(filter: string): Promise<void> {
    await opened().subscribe(filter, async (message) => {
      await message.acknowledge()
      messages.push(shown(message))
    })
  },
  async send(address: string, hex: string, retained = false): Promise<void> {
    await opened().send(address, fromHex(hex), { retained })
  },
  async replay(filter: string): Promise<typeof messages> {
    return (await Array.fromAsync(opened().replay(filter, {}))).map(shown)
  },
  messages: () => messages,
  statuses: () => statuses,
  events: () => events,
  texts: () => texts,
  async enrol(name: string, grantTo: readonly string[], announce = false): Promise<string> {
    endpoint = await openEndpoint({
      store,
      transport: opened(),
      name,
      announce,
      decide: (request) =>
        grantTo.includes(request.principal.name)
          ? request.grant({ from: new Date(Date.now() - 3_600_000) })
          : request.deny('not-authorized'),
      onEvent: (event) => void events.push(event),
    })
    return toHex(await endpoint.enrolment())
  },
  async admit(admission: string, domainId: string): Promise<void> {
    await entered().admit(fromHex(admission), { domainId: fromHex(domainId) })
  },
  id: () => entered().id,
  /** Whether it could seal something for this principal. */
  knows: (id: string) =>
    entered().parts.trustBook.cardOf(fromBase64Url(id) ?? new Uint8Array()) !== undefined,
  async publish(stream: string, all: readonly string[]): Promise<void> {
    const producer = await entered().producer(stream)
    for (const text of all) await producer.publish(text)
  },
  async grant(stream: string, name: string): Promise<void> {
    await entered().grant(stream, name, { from: new Date(Date.now() - 3_600_000) })
  },
  async read(pattern: string): Promise<void> {
    const reader = entered().reader(pattern)
    await reader.start()
    void (async () => {
      for await (const message of reader) {
        if (message.kind !== 'message') continue
        texts.push(message.text())
        await message.acknowledge()
      }
    })()
  },
  async history(pattern: string): Promise<{ texts: string[]; end: unknown }> {
    const found: string[] = []
    let end: unknown
    const reader = entered().reader(pattern)
    for await (const item of reader.history({ waitMs: 5_000 })) {
      if (item.kind === 'message') found.push(item.text())
      if (item.kind === 'end') end = item
    }
    await reader.close()
    return { texts: found, end }
  },
  /** Switches off, and remembers. */
  async switchOff(): Promise<void> {
    await calls.close()
  },
  /** Switches on again, as whom it was. */
  async switchOn(options: UdpTransportOptions): Promise<void> {
    await calls.open(options)
    endpoint = await openEndpoint({
      store,
      transport: opened(),
      onEvent: (event) => void events.push(event),
    })
  },
  async close(): Promise<void> {
    await endpoint?.close()
    await transport?.close()
    endpoint = undefined
    transport = undefined
  },
  /** As if it had just been started. */
  async forget(): Promise<void> {
    await calls.close()
    store = memoryStore()
    for (const list of [events, statuses, messages, texts]) list.length = 0
  },
}

function opened(): UdpTransport {
  if (transport === undefined) throw new Error('the transport is not open')
  return transport
}

function entered(): Endpoint {
  if (endpoint === undefined) throw new Error('the endpoint is not open')
  return endpoint
}

function shown({ address, payload, retained }: Received): (typeof messages)[number] {
  return { address, hex: toHex(payload), retained }
}

function described(status: TransportStatus): string {
  return status.state === 'error' ? `error: ${String(status.error)}` : status.state
}

/** Of what JSON has no word for. */
function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value)
  return value instanceof Error ? String(value) : value
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, call, given } = JSON.parse(line) as { id: number; call: string; given: unknown[] }
  const method = calls[call as keyof typeof calls] as (...all: unknown[]) => unknown
  void (async () => {
    try {
      const result = (await method(...given)) ?? null
      process.stdout.write(`${JSON.stringify({ id, result }, plain)}\n`)
    } catch (error) {
      const { code = '', message } = error as Error & { code?: string }
      process.stdout.write(`${JSON.stringify({ id, error: `${code} ${message}` })}\n`)
    }
  })()
}
