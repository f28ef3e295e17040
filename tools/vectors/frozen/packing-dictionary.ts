// SPDX-License-Identifier: Apache-2.0
/**
 * The dictionary of packed messages, put together from what it consists of: for each type the head of a
 * statement without the author's id, then the bytes that stand between the fields of its payload
 * (`docs/spec/07-granting.md` Section 7.2.6).
 *
 * @module
 */

import { cbor, join } from './cbor.ts'
import { fromHex } from './primitives.ts'

/** Types, from the rarest on; what stands alone belongs to the type before it. */
const PARTS: readonly (readonly [type: string | null, between: string])[] = [
  [
    'trust-bundle+cose',
    '59 aa015820 0201 031a6a 041a6a 058183a301012006215820 00f6 0680 0782 58 0880 0980 0af45840',
  ],
  ['enrol+cose', '58 a7 10a301012006215820 1160 1380 1480 1550 5840'],
  ['revocation+cose', '59 a8015002 105820 111a 125820 12f6 5840'],
  ['ack+cose', '59 1000 5840'],
  ['denial+cose', '59 1048 1044 1101 121836 1102 12183c 12190e10 135820 145820 1580 5840'],
  [null, 'a30107033a00010002205904c0'],
  [
    'manifest+cose',
    '58 ab01f6025820 ab015820 025820 03 0450 05190e10 060a 0704 0801 0901 0a00 0bf6 5840 ' +
      '05190e1006181807080800 09010a000bf65840 0b825820',
  ],
  ['key-card+cose', '5844a3011a 021a 0382a3010120042158200381a3010120042158205840'],
  [
    'credential+cwt',
    '58 a30264 a40265 a50266 041a 061a 08a1 01a301012006215820 3a00010000a0 5840 ' +
      '3a00010000a2 0160 0281 3a00010000a104 8167 2f235840',
  ],
  [
    'link+cose',
    '59 01 ad0158200250 035820 045820 055820 06821a0007 0702 0803 07010800091a 0a1a ' +
      '0af60bf60c58200d58',
  ],
  ['grant+cose', '5903 a80150 021a 031b0000000126 045820 05820148 0658d6'],
  [null, '0758bd1058 118159 01 125820 5840 031a'],
  ['request+cose', '58 a80150021a 031a 0582 0148 0658'],
  [null, '0758bd 1048 1044 1181821a0007 1affffffff12015840'],
]

export const DICTIONARY: Uint8Array = join(
  ...PARTS.flatMap(([type, between]) => [
    ...(type === null ? [] : headOf(`waxwing-${type}`)),
    fromHex(between.replaceAll(' ', '')),
  ]),
)

/** The head of a statement, up to its payload, without the author's id. */
function headOf(typ: string): readonly Uint8Array[] {
  const text = cbor(typ)
  const lengthBytes = 39 + text.length
  return [
    fromHex('d28458'),
    Uint8Array.of(lengthBytes),
    fromHex('a30132045820'),
    Uint8Array.of(0x10),
    text,
    Uint8Array.of(0xa0),
  ]
}
