// SPDX-License-Identifier: Apache-2.0
import { type AeadAlgorithm, encStructure } from '@waxwing/core'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { aadArray, additionalData } from '../../src/oscore/cose.js'
import { freshContext } from '../support/contexts.js'

describe('the additional data', () => {
  it('is the Enc_structure around the aad_array, laid out at once', () => {
    const { common } = freshContext()
    const algorithms = fc.constantFrom<AeadAlgorithm[]>(1, 3, 10, 24, 30)
    const bytes = fc.uint8Array({ maxLength: 30 })
    fc.assert(
      fc.property(algorithms, bytes, bytes, (algorithm, kid, partialIv) => {
        const [context, names] = [
          { ...common, algorithm },
          { kid, partialIv },
        ]
        const slowly = encStructure(new Uint8Array(0), aadArray(context, names))
        expect(additionalData(context, names)).toEqual(slowly)
      }),
      { numRuns: 1000 },
    )
  })
})
