// SPDX-License-Identifier: Apache-2.0
import { assert, asyncProperty, uint8Array } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sealedObject } from './sealed-object.js'
import { concatBytes, fromHex, utf8 } from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import { describeFile, fileKind } from '../../src/file-kind.js'
import { datagramTree } from '../../src/inspect/coap-tree.js'
import { datagramsOf, readDatagram } from '../../src/inspect/datagram.js'
import { edhocFileTree } from '../../src/inspect/edhoc-tree.js'
import { drawTree, treeToJson } from '../../src/inspect/tree.js'
import { blindViewer } from '../../src/inspect/viewer.js'

const blind = blindViewer(nodeProvider)

/** RFC 8613 Appendix C.4: the same GET, as it is and as OSCORE protects it. */
const PLAIN = '44015d1f00003974396c6f63616c686f737483747631'
const PROTECTED = '44025d1f00003974396c6f63616c686f7374620914ff612f1092f1776f1c1668b3825e'
const G_X = '31f82c7b5b9cbbf0f194d913cc12ef1532d328ef32632a4881a1c0701e237f04'

async function seen(hex: string): Promise<Record<string, unknown>> {
  const datagram = readDatagram(fromHex(hex))
  if (datagram === undefined) throw new Error(`no datagram: ${hex}`)
  return treeToJson(await datagramTree(datagram, blind))
}

describe('a datagram of CoAP', () => {
  it('shows header, options and that nothing protects it', async () => {
    expect(await seen(PLAIN)).toEqual({
      kind: 'CoAP message',
      size: 22,
      type: 'CON',
      code: '0.01',
      messageId: 0x5d1f,
      token: '00003974',
      options: [{ kind: 'in the clear', uriHost: 'localhost', uriPath: 'tv1' }],
      protection: null,
    })
  })

  it('under OSCORE shows the key identifiers, and what nobody on the way sees', async () => {
    const shown = await seen(PROTECTED)
    expect(shown).toMatchObject({
      code: '0.02',
      options: [{ uriHost: 'localhost', oscore: { kid: '', partialIv: '14', kidContext: null } }],
      protection: [{ kind: 'OSCORE', kid: '', partialIv: '14' }],
      ciphertext: 13,
    })
    expect(JSON.stringify(shown)).toContain('method, path, query')
  })

  it('decodes blocks, Observe and numbers, and shows what it does not know as hex', async () => {
    const [tree] = await trees('60451234610c60213cff48')
    expect(tree).toContain('Observe         notification 12')
    expect(tree).toContain('Content-Format  text/plain (0)')
    const blocks = await seen('40031234d10e0e')
    expect(blocks).toMatchObject({ options: [{ block1: { number: 0, more: true, size: 1024 } }] })
    expect(await seen('40011234d2ee4142')).toMatchObject({
      options: [{ option251: '4142' }],
    })
  })

  it('shows message_1 of EDHOC, and what of the others is in the clear', async () => {
    const path = 'bb2e77656c6c2d6b6e6f776e056564686f63'
    const message1 = `f5030258 20${G_X}2d`.replaceAll(' ', '')
    expect(await seen(`40021234${path}1141ff${message1}`)).toMatchObject({
      protection: 'EDHOC',
      payload: [{ kind: 'EDHOC message_1', method: 3, suites: [2], gX: G_X, cI: -14 }],
    })
    const message2 = `582a${G_X}00112233445566778899`
    expect(await seen(`60441234c140ff${message2}`)).toMatchObject({
      payload: [{ kind: 'EDHOC message_2', gY: G_X, ciphertext: 10 }],
    })
    expect(await seen(`40021234${path}1141ff2752${'ab'.repeat(18)}`)).toMatchObject({
      payload: [{ kind: 'EDHOC message_3', cR: '27', ciphertext: 18 }],
    })
    expect(await seen('60801234c140ff01626e6f')).toMatchObject({
      payload: [{ kind: 'EDHOC error', error: 'unspecified', says: 'no' }],
    })
  })

  it('shows message_3 before the request that it is combined with', async () => {
    const options = '93092127c0'
    expect(await seen(`40021234${options}ff52${'ab'.repeat(18)}${'cd'.repeat(20)}`)).toMatchObject({
      options: [{ oscore: { kid: '27', partialIv: '21' }, edhoc: true }],
      payload: [{ kind: 'EDHOC message_3', ciphertext: 18 }],
      ciphertext: 20,
    })
  })

  it('shows an object that it carries as an object', async () => {
    const object = await sealedObject('plant/1/temperature', '21.5')
    const bytes = concatBytes(fromHex('60451234ff'), object)
    const datagram = readDatagram(bytes)
    if (datagram === undefined) throw new Error('it is one')
    expect(treeToJson(await datagramTree(datagram, blind))).toMatchObject({
      protection: 'payload',
      payload: [{ kind: 'object', size: object.length }],
    })
    expect(fileKind(bytes)).toBe('datagrams')
    expect(fileKind(object)).toBe('objects')
    expect(fileKind(utf8(Buffer.from(object).toString('hex')))).toBe('objects')
    expect(fileKind(utf8(Buffer.from(object).toString('base64')))).toBe('objects')
  })
})

describe('captured messages', () => {
  it('are found as bytes, in hex of any dress, in base64, and one a line', () => {
    const bytes = fromHex(PLAIN)
    const spaced = PLAIN.replaceAll(/(..)/g, '$1 ')
    const colons = PLAIN.toUpperCase().replaceAll(/(..)(?=.)/g, '$1:')
    const wrapped = PLAIN.replaceAll(/(.{10})/g, '$1\n')
    const base64 = Buffer.from(bytes).toString('base64')
    for (const text of [PLAIN, `0x${PLAIN}\n`, spaced, colons, wrapped, base64]) {
      expect(
        datagramsOf(utf8(text))?.map((each) => each.bytes),
        text,
      ).toEqual([bytes])
    }
    expect(datagramsOf(bytes)).toHaveLength(1)
    expect(datagramsOf(utf8(`${PLAIN}\n\n${PROTECTED}\n`))).toHaveLength(2)
    expect(datagramsOf(utf8(`${PLAIN}\nnot hex\n`))).toBeUndefined()
  })

  it('are none where a bit of the header or an option is wrong', () => {
    for (const hex of [
      '',
      '400112', // too short
      '00011234', // version 0
      '490112340102030405060708', // token too long
      '40081234', // no such method
      '40251234', // class 1
      '400012340b', // something behind an empty message
      '70011234', // a reset with a code
      '40011234ff', // a payload marker and no payload
      '40011234f0', // a reserved option
    ]) {
      expect(readDatagram(fromHex(hex)), hex).toBeUndefined()
    }
  })

  it('are told from everything else, which command takes a file being one answer', () => {
    expect(fileKind(utf8('hello world'))).toBe('nothing')
    expect(fileKind(utf8('SQLite format 3\0'))).toBe('database')
    expect(fileKind(fromHex(`03025820${G_X}2d`))).toBe('edhoc')
    expect(describeFile('x', 'datagrams')).toContain('waxwing inspect x')
  })

  it('never lead to anything but a tree, whatever they hold', async () => {
    await assert(
      asyncProperty(uint8Array({ maxLength: 80 }), async (rest) => {
        const bytes = Uint8Array.of(0x40, 2, 0, 1, ...rest)
        const datagram = readDatagram(bytes)
        if (datagram !== undefined) drawTree(await datagramTree(datagram, blind))
        edhocFileTree(rest)
        fileKind(rest)
      }),
    )
  })
})

async function trees(hex: string): Promise<readonly string[]> {
  const found = datagramsOf(utf8(hex)) ?? []
  return Promise.all(
    found.map(async (each) => drawTree(await datagramTree(each, blind)).join('\n')),
  )
}
