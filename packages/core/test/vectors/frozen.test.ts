// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { frozenVectors } from '../../../../tools/vectors/frozen/all.ts'
import { formatVectors } from '../../../../tools/vectors/frozen/vector-file.ts'

describe('the format is frozen', () => {
  it.each(frozenVectors())('$name.json is made byte for byte as it was', (file) => {
    const url = new URL(`../../../../vectors/${file.name}.json`, import.meta.url)
    expect(formatVectors(file)).toBe(readFileSync(url, 'utf8'))
  })
})
