// SPDX-License-Identifier: Apache-2.0
/** Sealed objects as representations: a cache that serves what it can neither read nor change. */
import {
  decodeObject,
  deriveLeaf,
  encodeMetadata,
  fromUtf8,
  ObjectOpener,
  ObjectSealer,
  rootNode,
  utf8,
} from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import { describe, expect, it } from 'vitest'
import {
  caching,
  type Caching,
  contentFormatOf,
  forwardProxy,
  type Handler,
  type Layer,
  METHOD,
  OPTION,
  optionValues,
  type Response,
  RESPONSE,
  textOption,
  uintOption,
} from '../../src/index.js'
import { EPOCH, stranger } from '../../../core/test/support/domain.js'
import { manifestOf, ROOT } from '../../../core/test/support/stream.js'
import {
  contentOf,
  etag,
  maxAge,
  proxyUri,
  recorder,
  type Recorder,
  requestOf,
} from './exchanges.js'

const READERS = 100
const SECRET = 'the vault opens at nine'
const URI = 'coap://192.0.2.9/plant/1/door'
/** application/cose; cose-type="cose-encrypt0" (RFC 9052 Section 11.3). */
const COSE_ENCRYPT0 = 16

const PLANT = stranger('plant')
const MANIFEST = manifestOf(PLANT, null)
const SESSION = new Uint8Array(7).fill(3)

function sealed(text: string, counter: number): Uint8Array {
  const leaf = deriveLeaf(sodiumProvider, rootNode(ROOT), EPOCH)
  const inputs = { crypto: sodiumProvider, manifest: MANIFEST, leaf, epoch: EPOCH }
  const sealer = new ObjectSealer({ ...inputs, session: SESSION, signingKey: PLANT.key }, counter)
  return sealer.seal({ metadata: encodeMetadata({}), plaintext: utf8(text) })
}

/** What a reader makes of an object whose epoch was granted to it; `undefined` where it does not open. */
function opened(object: Uint8Array): string | undefined {
  const leaf = deriveLeaf(sodiumProvider, rootNode(ROOT), EPOCH)
  const producerKey = sodiumProvider.ed25519VerifyingKey(PLANT.key.publicKey)
  const inputs = { crypto: sodiumProvider, manifest: MANIFEST, leaf, epoch: EPOCH }
  const opener = new ObjectOpener({ ...inputs, session: SESSION, producerKey })
  const content = opener.open(decodeObject(object))
  return content && fromUtf8(content.plaintext)
}

interface Setting {
  readonly origin: Recorder
  readonly cache: Caching
  readonly proxy: Handler
  /** Everything that the cache was given. */
  readonly seen: Uint8Array[]
}

function setUp(tamper: (payload: Uint8Array) => Uint8Array = (payload) => payload): Setting {
  let object = sealed(SECRET, 1)
  let version = 1
  const origin = recorder(async (request): Promise<Response> => {
    if (request.code === METHOD.PUT) {
      object = request.payload
      version += 1
      return { ...contentOf(''), code: RESPONSE.changed }
    }
    const options = [etag(version), uintOption(OPTION.contentFormat, COSE_ENCRYPT0), maxAge(600)]
    return { code: RESPONSE.content, options, payload: object }
  })
  const seen: Uint8Array[] = []
  const watching: Layer = (next) => async (request) => {
    const response = await next(request)
    seen.push(response.payload)
    return { ...response, payload: tamper(response.payload) }
  }
  const cache = caching()
  const network = cache.layer(watching(origin.handler))
  return { origin, cache, seen, proxy: forwardProxy({ network, allow: ['192.0.2.9'] }) }
}

const get = (proxy: Handler): Promise<Response> => proxy(requestOf(proxyUri(URI)))

describe('an object behind a caching proxy', () => {
  it('is asked for once by a hundred readers at one time, and each opens it', async () => {
    const { origin, cache, proxy } = setUp()
    const responses = await Promise.all(Array.from({ length: READERS }, () => get(proxy)))
    expect(origin.asked).toHaveLength(1)
    expect(cache.stats).toMatchObject({ misses: 1, shared: READERS - 1 })
    for (const response of responses) {
      expect(contentFormatOf(response)).toBe(COSE_ENCRYPT0)
      expect(opened(response.payload)).toBe(SECRET)
    }
  })

  it('is asked for once by a hundred readers one after the other', async () => {
    const { origin, cache, proxy } = setUp()
    for (let reader = 0; reader < READERS; reader++) {
      expect(opened((await get(proxy)).payload)).toBe(SECRET)
    }
    expect(origin.asked).toHaveLength(1)
    expect(cache.stats).toMatchObject({ misses: 1, hits: READERS - 1 })
  })

  it('cannot be read there', async () => {
    const { seen, proxy } = setUp()
    await get(proxy)
    expect(seen).toHaveLength(1)
    expect(Buffer.from(seen[0] ?? []).includes(SECRET)).toBe(false)
  })

  it('is noticed by every reader if the proxy changes any byte of it', async () => {
    const length = sealed(SECRET, 1).length
    for (let at = 0; at < length; at++) {
      const { proxy } = setUp((payload) => payload.map((byte, i) => (i === at ? byte ^ 1 : byte)))
      const { payload } = await get(proxy)
      expect(outcome(payload), `byte ${at}`).not.toBe(SECRET)
    }
  })

  it('is the new one for all once its producer put it', async () => {
    const { origin, proxy } = setUp()
    await get(proxy)
    const object = sealed('the vault opens at ten', 2)
    await proxy(requestOf(proxyUri(URI), { code: METHOD.PUT, payload: object }))
    const responses = await Promise.all(Array.from({ length: READERS }, () => get(proxy)))
    for (const { payload } of responses) expect(opened(payload)).toBe('the vault opens at ten')
    expect(origin.asked.map(({ code }) => code)).toEqual([METHOD.GET, METHOD.PUT, METHOD.GET])
    // What was stored had a tag, so that the proxy asked whether it is still good.
    expect(optionValues(origin.asked[2] ?? contentOf(''), OPTION.etag)).toHaveLength(1)
  })

  it('is not transferred again to a reader that has it', async () => {
    const { proxy } = setUp()
    const response = await proxy(requestOf([...proxyUri(URI), etag(1)]))
    expect(response.code).toBe(RESPONSE.valid)
    expect(response.payload).toHaveLength(0)
  })

  it('is one entry however the URI is said', async () => {
    const { origin, proxy } = setUp()
    await get(proxy)
    const path = ['plant', '1', 'door'].map((segment) => textOption(OPTION.uriPath, segment))
    const host = textOption(OPTION.uriHost, '192.0.2.9')
    await proxy(requestOf([host, ...path, textOption(OPTION.proxyScheme, 'coap')]))
    expect(origin.asked).toHaveLength(1)
  })
})

/** What a reader gets: the text, or nothing, whether decoding or opening said so. */
function outcome(object: Uint8Array): string | undefined {
  try {
    return opened(object)
  } catch {
    return undefined
  }
}
