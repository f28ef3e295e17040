// SPDX-License-Identifier: Apache-2.0
/**
 * Every published case that does not count as passed, with the reason. Whatever is not in this
 * table has to pass.
 *
 * @module
 */

export interface OutOfScope {
  readonly source: string
  /** Which of its cases, by name. */
  readonly cases: RegExp
  /** How many these are: an entry that catches more or fewer than it was written for is an error. */
  readonly count: number
  readonly reason: string
}

/** Folders that another package runs, or nobody yet. */
export const LATER: readonly { readonly folder: string; readonly reason: string }[] = [
  { folder: 'oscore', reason: 'all pass: run by packages/oscore' },
  {
    folder: 'edhoc',
    reason:
      'the traces and invalid messages of RFC 9529 pass, and what an older draft shares: run by packages/oscore',
  },
]

const ALL = /^/

const FLOAT = 'the profile has no floating-point numbers (docs/spec 1.4)'
const SIMPLE = 'the profile has no simple values but false, true and null (docs/spec 1.4)'
const INDEFINITE = 'the profile has no indefinite lengths (docs/spec 1.4)'
const LONG = 'not in the shortest form, which the profile demands (docs/spec 1.4)'
const KEYS = 'the profile has integers and text as map keys only (docs/spec 1.4)'
const DEEP = 'nested deeper than the 16 levels of the profile (docs/spec 1.4)'
const TAGS = 'what is inside a tag is judged by who knows the tag; no tag is interpreted'

const SIGN = 'COSE_Sign is not used'
const ENCRYPT = 'COSE_Encrypt is not used'
const MAC0 = 'COSE_Mac0 is not used'
const ECDSA = 'messages are signed with Ed25519 alone (docs/spec 2.3, 2.9)'
const ED448 = 'Ed448 is not offered (docs/spec 2.3); the framing is tried with a peer'
const AEAD = 'not among the AEADs that are offered (docs/spec 2.1, 2.9)'
const MULTI = 'HPKE for many recipients (COSE_Encrypt) is not used'
const HPKE_ALG = 'HPKE is used with X25519 or X-Wing, HKDF-SHA256, ChaCha20Poly1305 (docs/spec 2.5)'
const HPKE_PSK = 'HPKE is used in base mode, without a pre-shared key (docs/spec 2.5)'
const HPKE_AUTH = 'HPKE is used in base mode; statements are signed instead (docs/spec 2.5)'
const HPKE_KEM = 'this KEM is not offered (docs/spec 2.5)'

const KEY_192 = 'AES with 192-bit keys is not offered (docs/spec 2.1)'
const GCM_NONCE = 'nonces of AES-GCM have 96 bits (docs/spec 2.1)'
const CCM = 'keys of AES-CCM have 128 bits and nonces 104 (docs/spec 2.1, 2.9)'
const EXPANDED = 'secret keys of ML-KEM are imported as seeds only (docs/spec 2.5)'

/** The cases of a source, as rows of the pattern, the count and the reason. */
function entries(
  source: string,
  rows: readonly (readonly [RegExp, number, string])[],
): readonly OutOfScope[] {
  return rows.map(([cases, count, reason]) => ({ source, cases, count, reason }))
}

export const OUT_OF_SCOPE: readonly OutOfScope[] = [
  ...entries('cbor/appendix_a.json', [
    [/^(c1|a1)?f[9ab]/, 23, FLOAT],
    [/^f[078]/, 3, SIMPLE],
    [/^([579b]f|8301(8202039f|9f0203ff)|826161bf)/, 11, INDEFINITE],
  ]),
  ...entries('cbor/wellformed.json', [
    [/^(c1|a1)?f[9ab]/, 54, FLOAT],
    [/^[13]8(0.|1[0-7])$|^[13]900..$|^[13]a0000....$|^[13]b00000000/, 12, LONG],
    [/^b81a8080/, 1, KEYS],
    [/^((81){17}|(a1){17}|(a100){17})/, 3, DEEP],
  ]),
  ...entries('cbor/malformed.json', [[/^c[01]a1616100$/, 2, TAGS]]),
  ...entries('cose/CWT', [
    [/^A_3$/, 1, ECDSA],
    [/^A_[47]$/, 2, MAC0],
  ]),
  ...entries('cose/aes-ccm-examples', [
    [/^aes-ccm-0/, 8, ENCRYPT],
    [/^aes-ccm-enc-0[3-8]$/, 6, AEAD],
  ]),
  ...entries('cose/aes-gcm-examples', [
    [/^aes-gcm-0/, 5, ENCRYPT],
    [/^aes-gcm-enc-02$/, 1, AEAD],
  ]),
  ...entries('cose/chacha-poly-examples', [[/^chacha-poly-01$/, 1, ENCRYPT]]),
  ...entries('cose/ecdsa-examples', [
    [/^ecdsa-0/, 4, SIGN],
    [/^ecdsa-sig-0/, 4, ECDSA],
  ]),
  ...entries('cose/eddsa-examples', [
    [/^eddsa-0/, 2, SIGN],
    [/^eddsa-sig-02$/, 1, ED448],
  ]),
  ...entries('cose/enveloped-tests', [[ALL, 10, ENCRYPT]]),
  ...entries('cose/mac0-tests', [[ALL, 10, MAC0]]),
  ...entries('cose/sign-tests', [[ALL, 10, SIGN]]),
  ...entries('cose/sign1-tests', [[/^sign-(pass|fail-0[267]$)/, 6, ECDSA]]),
  ...entries('cose-hpke/algorithms.json', [
    [/^HPKE-[0-35-7]$/, 7, HPKE_ALG],
    [/^HPKE-.-KE$/, 8, MULTI],
  ]),
  ...entries('cose-hpke/examples.json', [
    [/^integrated HPKE-0/, 2, HPKE_ALG],
    [/^key encryption/, 1, MULTI],
  ]),
  ...['cose-hpke/testvectors.json', 'cose-hpke/testvectors-iv12.json'].flatMap((source) =>
    entries(source, [
      [/^HPKE-.-KE/, 128, MULTI],
      [/^HPKE-[0-35-7](\+PSK)?\//, 56, HPKE_ALG],
      [/^HPKE-4\+PSK\//, 4, HPKE_PSK],
    ]),
  ),
  ...entries('hpke/rfc9180.json', [
    [/^(base|psk) 0x0010/, 6 * 14, HPKE_KEM],
    [/^auth/, 12 * 14, HPKE_AUTH],
    [/^(base|psk) 0x0020 0x0001 0x000[12]: (message|secret)/, 4 * 13, HPKE_ALG],
  ]),
  ...entries('hpke/pq.json', [
    [/^base 0x00([145].|21)/, 10 * 16, HPKE_KEM],
    [/^base 0x(0020 0x0012|647a 0x0011) 0x0003: (message|secret)/, 2 * 15, HPKE_ALG],
  ]),
  ...entries('wycheproof/aes_ccm_test.json', [
    [/^key 192/, 184, KEY_192],
    [/^key (128|256), nonce (?!104,)|^key 256, nonce 104,/, 362, CCM],
  ]),
  ...entries('wycheproof/aes_gcm_test.json', [
    [/^key 192/, 103, KEY_192],
    [/^key (128|256), nonce (?!0,|96,)/, 76, GCM_NONCE],
  ]),
  ...entries('wycheproof/mlkem_768_semi_expanded_decaps_test.json', [[ALL, 9, EXPANDED]]),
]

/** Why a case is out of scope; `undefined` if it is not. */
export function reasonFor(source: string, name: string): string | undefined {
  return entriesFor(source, name)[0]?.reason
}

/** All entries that catch a case: there must not be two. */
export function entriesFor(source: string, name: string): readonly OutOfScope[] {
  return OUT_OF_SCOPE.filter((entry) => entry.source === source && entry.cases.test(name))
}
