// SPDX-License-Identifier: Apache-2.0
/**
 * The guide's pages on the command line, played from top to bottom against a real broker and a real server,
 * in processes of their own. The commands and what they print are taken from the guide itself.
 */
import { randomInt } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  libcoapAvailable,
  mosquittoAvailable,
  requireOrSkip,
  startCoapServer,
  startMosquitto,
  type LibcoapServer,
  type Mosquitto,
} from '@waxwing/testkit'
import { playPage } from './guide-page.js'

requireOrSkip('mosquitto', mosquittoAvailable())('the guide to the command line', () => {
  let broker: Mosquitto

  beforeAll(async () => {
    broker = await startMosquitto()
  })

  afterAll(() => broker.close())

  it('shows what happens', { timeout: 240_000 }, async () => {
    const env = { WAXWING_BROKER: broker.url }
    const blocks = await playPage('docs/guide/02-command-line.md', { env })
    expect(blocks.length).toBeGreaterThan(10)
  })

  it('shows what happens to large files', { timeout: 240_000 }, async () => {
    const env = { WAXWING_BROKER: broker.url }
    const blocks = await playPage('docs/guide/09-large-files.md', { env })
    expect(blocks.length).toBeGreaterThan(5)
  })
})

const COAP_PAGES = [
  'docs/guide/04-secure-a-coap-resource.md',
  'docs/guide/05-through-a-proxy-you-do-not-trust.md',
  'docs/guide/06-cache-what-you-cannot-read.md',
]

requireOrSkip('libcoap', libcoapAvailable())('the guide to CoAP', () => {
  let libcoap: LibcoapServer

  beforeAll(async () => {
    libcoap = await startCoapServer({ dynamicResources: 10 })
  })

  afterAll(() => libcoap.close())

  it.each(COAP_PAGES)('%s shows what happens', { timeout: 240_000 }, async (page) => {
    const adapt = usingAddresses([loopback(), libcoap.url.slice('coap://'.length), loopback()])
    const blocks = await playPage(page, { adapt, env: { WAXWING_BROKER: libcoap.url } })
    expect(blocks.length).toBeGreaterThan(3)
  })
})

/** 127.0.0.1, 127.0.0.2 and 127.0.0.3 of a page, as addresses whose usual port is free. */
function usingAddresses(addresses: readonly string[]): (text: string) => string {
  return (text) =>
    text.replaceAll(/\b127\.0\.0\.([123])\b/g, (_, number: string) => {
      return addresses[Number(number) - 1] ?? ''
    })
}

/** Linux answers at any address of 127.0.0.0/8. */
function loopback(): string {
  return `127.${randomInt(1, 255)}.${randomInt(0, 255)}.${randomInt(1, 255)}`
}
