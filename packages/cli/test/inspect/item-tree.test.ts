// SPDX-License-Identifier: Apache-2.0
import { beforeAll, describe, expect, it } from 'vitest'
import { decodeObject, packMessage, WaxwingError } from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import { Domain, memoryStore, openEndpoint, type Endpoint } from '@waxwing/client'
import { EndpointViewer } from '../../src/inspect/endpoint-viewer.js'
import { asObject, itemTree, kindOf } from '../../src/inspect/item-tree.js'
import { drawTree, treeToJson } from '../../src/inspect/tree.js'
import { blindViewer } from '../../src/inspect/viewer.js'
import { splitItems } from '../../src/files.js'

const STREAM = 'plant/1/temperature'
const blind = blindViewer(nodeProvider)

interface Cast {
  readonly plant: Endpoint
  readonly desk: Endpoint
  readonly bundle: Uint8Array
  readonly enrolment: Uint8Array
  readonly object: Uint8Array
  readonly request: Uint8Array
  readonly grant: Uint8Array
}

/** A domain, a producer and a reader that was granted the stream, without any transport. */
async function makeCast(): Promise<Cast> {
  const domain = await Domain.create({ store: memoryStore(), name: 'plant', recovery: false })
  const plant = await openEndpoint({ store: memoryStore(), name: 'thermometer' })
  const desk = await openEndpoint({ store: memoryStore(), name: 'desk' })
  const enrolment = await plant.enrolment({ produces: ['plant/#'] })
  await plant.admit(await domain.admit(enrolment, { produces: ['plant/#'] }), {
    domainId: domain.id,
  })
  await desk.admit(await domain.admit(await desk.enrolment(), { roles: ['screen'] }))
  const producer = await plant.producer(STREAM)
  const object = producer.seal('21.5', { contentType: 'text/plain', clearPart: Uint8Array.of(7) })
  const parked = await desk.reader(STREAM).open(object)
  if (parked.kind !== 'parked') throw new Error('nothing was granted yet')
  await plant.receive(parked.request)
  const [waiting] = await plant.requests()
  if (waiting === undefined) throw new Error('somebody asked')
  const [grant] = await plant.grant(STREAM, desk.id, { from: new Date(Date.now() - 60_000) })
  if (grant === undefined) throw new Error('something was granted')
  const { request } = parked
  return { plant, desk, bundle: domain.bundle, enrolment, object, request, grant }
}

describe('inspecting', () => {
  let cast: Cast

  beforeAll(async () => {
    cast = await makeCast()
  })

  it('shows what is packed, and what it refers to, to whom holds that', async () => {
    const { request, plant, desk } = cast
    const packed = packMessage(nodeProvider, request)
    expect(kindOf(packed)).toBe('packed message')
    expect(treeToJson(await itemTree(packed, blind))).toMatchObject({
      kind: 'packed message',
      size: packed.length,
      references: [],
      content: [{ kind: 'request' }],
    })
    const { card } = desk.parts.identity
    const referring = packMessage(nodeProvider, request, [card.bytes])
    const json = treeToJson(await itemTree(referring, new EndpointViewer(plant)))
    expect(json).toMatchObject({ references: [expect.stringMatching(/^[0-9a-f]{16}$/)] })
    await expect(itemTree(referring, blind)).rejects.toMatchObject({ code: 'ERR_KEY_UNKNOWN' })
  })

  it('shows an object without a key as any broker sees it', async () => {
    const json = treeToJson(await itemTree(cast.object, blind))
    const { kid, epoch, counter } = decodeObject(cast.object)
    expect(json).toMatchObject({
      kind: 'object',
      alg: 24,
      kid: Buffer.from(kid).toString('hex'),
      epoch,
      counter,
      clearPart: '07',
      signature: true,
      content: [{ kind: 'sealed', why: 'no key of this kid is held here' }],
    })
    expect(JSON.stringify(json)).not.toContain('21.5')
  })

  it('shows the content and who signed it with the keys of a home', async () => {
    const json = treeToJson(await itemTree(cast.object, new EndpointViewer(cast.plant)))
    expect(json['content']).toMatchObject([
      {
        kind: 'opened',
        stream: STREAM,
        producer: 'thermometer',
        signed: true,
        contentType: 'text/plain',
        plaintext: '21.5',
      },
    ])
  })

  it('says that a changed object is not authentic', async () => {
    const changed = cast.object.slice()
    changed[changed.length - 1]! ^= 1
    const json = treeToJson(await itemTree(changed, new EndpointViewer(cast.plant)))
    expect(json['content']).toMatchObject([{ kind: 'not authentic', stream: STREAM }])
  })

  it('shows a request with its author, and that the signature is good', async () => {
    const json = treeToJson(await itemTree(cast.request, new EndpointViewer(cast.plant)))
    expect(json).toMatchObject({ kind: 'request', author: cast.desk.id, signature: 'verified' })
    expect(json['credential']).toMatchObject([{ name: 'desk', roles: ['screen'] }])
  })

  it('shows nothing of a grant to who cannot open it, and never a key to who can', async () => {
    const sealed = treeToJson(await itemTree(cast.grant, blind))
    expect(sealed).toMatchObject({ kind: 'sealed message', kem: 'X-Wing', content: null })
    const viewer = new EndpointViewer(cast.desk)
    const [grant] = treeToJson(await itemTree(cast.grant, viewer))['content'] as [object]
    expect(grant).toMatchObject({
      kind: 'grant',
      manifest: [{ stream: STREAM, signature: 'verified' }],
      chain: [{ kind: 'link 1', rights: 'read', signature: 'verified' }],
      signature: 'verified',
    })
    await cast.desk.receive(cast.grant)
    const [generation] = cast.desk.generations()
    const shown = JSON.stringify(grant) + drawTree(await itemTree(cast.grant, viewer)).join('')
    const nodes = generation?.ring.serialize() ?? []
    expect(nodes.length).toBeGreaterThan(0)
    for (const [, , , key] of nodes) {
      expect(shown).not.toContain(Buffer.from(key).toString('hex'))
      expect(shown).not.toContain(Buffer.from(key).toString('base64url'))
    }
  })

  it('says that nobody vouches for what strangers sign', async () => {
    const stranger = await openEndpoint({ store: memoryStore(), name: 'stranger' })
    const json = treeToJson(await itemTree(cast.request, new EndpointViewer(stranger)))
    expect(json['signature']).toBe('unknown')
    expect(treeToJson(await itemTree(cast.bundle, new EndpointViewer(stranger)))).toMatchObject({
      kind: 'trust bundle',
      version: 1,
      signature: 'unknown',
    })
    await stranger.close()
  })

  it('finds a forged signature', async () => {
    const forged = cast.bundle.slice()
    forged[forged.length - 1]! ^= 1
    const json = treeToJson(await itemTree(forged, new EndpointViewer(cast.plant)))
    expect(json['signature']).toBe('bad')
  })

  it('shows enrolments, cards and credentials', async () => {
    const viewer = new EndpointViewer(cast.plant)
    expect(treeToJson(await itemTree(cast.enrolment, viewer))).toMatchObject({
      kind: 'enrol',
      produces: ['plant/#'],
      signature: 'verified',
    })
    const { card, credential } = cast.desk.parts.identity
    expect(treeToJson(await itemTree(card.bytes, new EndpointViewer(cast.desk)))).toMatchObject({
      kind: 'key card',
      keys: ['x25519', 'x-wing'],
    })
    expect(treeToJson(await itemTree(credential ?? new Uint8Array(), viewer))).toMatchObject({
      kind: 'credential',
      name: 'desk',
      signature: 'verified',
    })
  })

  it('knows the kinds of items, and refuses what is none with one of the known errors', async () => {
    expect([cast.object, cast.request, cast.grant, cast.bundle].map(kindOf)).toEqual([
      'object',
      'request',
      'sealed message',
      'trust-bundle',
    ])
    expect(kindOf(Uint8Array.of(1))).toBeUndefined()
    expect(asObject(cast.request)).toBeUndefined()
    await expect(itemTree(Uint8Array.of(1), blind)).rejects.toThrow(WaxwingError)
  })
})

describe('files', () => {
  it('are split into items, and base64 of mail programs is undone', async () => {
    const { object, request } = await makeCast()
    const both = Buffer.concat([object, request])
    expect(splitItems(new Uint8Array(both))).toEqual([object, request])
    const mail = both.toString('base64').replaceAll(/(.{76})/g, '$1\r\n')
    expect(splitItems(new TextEncoder().encode(mail))).toEqual([object, request])
    expect(splitItems(new TextEncoder().encode(both.toString('base64url')))).toEqual([
      object,
      request,
    ])
  })
})
