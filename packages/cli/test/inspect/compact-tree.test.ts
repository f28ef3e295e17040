// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { decodeObject, encodeCompact, fromHex, toHex, utf8 } from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import { fileKind, describeFile } from '../../src/file-kind.js'
import { compactTree } from '../../src/inspect/compact-tree.js'
import { drawTree, treeToJson } from '../../src/inspect/tree.js'
import { blindViewer } from '../../src/inspect/viewer.js'
import { sealedObject } from './sealed-object.js'

const blind = blindViewer(nodeProvider)

describe('the compact form of an object', () => {
  it('is shown with the object that it is of', async () => {
    const object = await sealedObject('plant/1/temperature', '21.5')
    const compact = encodeCompact(object)
    const tree = compactTree(compact, blind)
    if (tree === undefined) throw new Error('it is one')
    const { epoch, counter } = decodeObject(object)
    expect(treeToJson(tree)).toMatchObject({
      kind: 'compact form',
      size: compact.length,
      coseForm: toHex(object),
      of: [{ kind: 'object', size: object.length, epoch, counter, signature: true }],
    })
    expect(drawTree(tree).join('\n')).toContain(`${compact.length} bytes`)
  })

  it('is known as a file, as it is and in hex or base64', async () => {
    const compact = encodeCompact(await sealedObject('plant/1/temperature', '21.5'))
    for (const encoding of ['hex', 'base64'] as const) {
      expect(fileKind(utf8(Buffer.from(compact).toString(encoding)))).toBe('compact')
    }
    expect(fileKind(compact)).toBe('compact')
    expect(describeFile('x', 'compact')).toContain('waxwing inspect x')
  })

  it('is not seen in text, nor where nothing can be encrypted', () => {
    const texts = [
      '12 apples, 13 pears and a long way to go before they are eaten',
      '3,141592653589793238462643383279502884197169399375105820974944592',
      ' indented by a blank, and long enough to be an object of some kind',
      'All words of this line could be a text in base64 as far as letters go',
    ]
    for (const text of texts) expect(fileKind(utf8(text)), text).toBe('nothing')
    const noCiphertext = fromHex(`0c${'91'.repeat(22)}`)
    expect(fileKind(noCiphertext)).toBe('nothing')
    expect(compactTree(noCiphertext, blind)).toBeUndefined()
    expect(compactTree(Uint8Array.of(0x40, ...noCiphertext), blind)).toBeUndefined()
  })
})
