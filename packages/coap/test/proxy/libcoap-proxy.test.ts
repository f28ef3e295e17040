// SPDX-License-Identifier: Apache-2.0
/**
 * The forward proxy of libcoap between our client and our server.
 *
 * What version 4.3.1 does wrong, and is avoided here: it puts large bodies together and slices its own
 * response anew. After a PUT in blocks it does not find that response again for the same peer, and answers
 * the request for block 1 with block 0, each time. So whoever has put asks from another socket, or
 * protects what it asks, so that the blocks are inside.
 */
import { libcoapAvailable, requireOrSkip, startCoapServer } from '@waxwing/testkit'
import { onTestFinished } from 'vitest'
import { describeThroughProxy, type ProxyUnderTest } from './through-proxies.js'

async function startProxy(): Promise<ProxyUnderTest> {
  const proxy = await startCoapServer({ proxy: true })
  onTestFinished(() => proxy.close())
  return { url: proxy.url, seen: () => proxy.log() }
}

requireOrSkip('libcoap', libcoapAvailable())('through the forward proxy of libcoap', () => {
  describeThroughProxy(startProxy)
})
