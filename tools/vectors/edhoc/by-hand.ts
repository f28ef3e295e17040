// SPDX-License-Identifier: Apache-2.0
/**
 * EDHOC step by step, from RFC 9528 alone and straight over `node:crypto`: both ends in one function,
 * since each knows what the other does. Nothing of the packages under test.
 *
 * @module
 */

import { createCipheriv } from 'node:crypto'
import { cbor, join, Raw, type Value } from '../frozen/cbor.ts'
import { hkdfExpand, hmac, sha256 } from '../frozen/primitives.ts'
import { agree, type KeyPair, sign } from './curves.ts'

export interface Party {
  readonly key: KeyPair
  /** ID_CRED_x, as it is authenticated. */
  readonly idCred: Value
  /** ID_CRED_x, as it stands in a plaintext. */
  readonly shown: Value
  /** CRED_x. */
  readonly cred: Uint8Array
}

/** What is changed of an exchange, to break one rule. */
export interface Changes {
  readonly message1?: (items: readonly Value[]) => readonly Value[]
  readonly gY?: Uint8Array
  readonly mac2?: (mac: Uint8Array) => Uint8Array
  readonly plaintext2?: (items: readonly Value[]) => readonly Value[]
  readonly mac3?: (mac: Uint8Array) => Uint8Array
  readonly plaintext3?: (items: readonly Value[]) => readonly Value[]
  readonly plaintext4?: (items: readonly Value[]) => readonly Value[]
}

export interface Script {
  readonly method: number
  readonly suite: number
  /** Ephemeral keys. */
  readonly x: KeyPair
  readonly y: KeyPair
  /** C_I and C_R, as they stand in messages. */
  readonly cI: Value
  readonly cR: Value
  readonly initiator: Party
  readonly responder: Party
  /** EAD_1 to EAD_4. */
  readonly ead?: readonly (readonly Value[])[]
  readonly changes?: Changes
}

export interface Exchange {
  readonly message1: Uint8Array
  readonly th2: Uint8Array
  readonly prk2e: Uint8Array
  readonly prk3e2m: Uint8Array
  readonly plaintext2: Uint8Array
  readonly message2: Uint8Array
  readonly th3: Uint8Array
  readonly prk4e3m: Uint8Array
  readonly plaintext3: Uint8Array
  readonly message3: Uint8Array
  readonly th4: Uint8Array
  readonly message4: Uint8Array
  readonly prkOut: Uint8Array
  readonly prkExporter: Uint8Array
  readonly masterSecret: Uint8Array
  readonly masterSalt: Uint8Array
}

const NONE = new Uint8Array(0)
const same = <T>(value: T): T => value

/** Section 4.1.2. */
function kdf(prk: Uint8Array, label: number, context: Uint8Array, length: number): Uint8Array {
  return hkdfExpand(prk, sequence([label, context, length]), length)
}

function sequence(items: readonly Value[]): Uint8Array {
  return join(...items.map(cbor))
}

/** Suites 0 and 2 have MACs and tags of 8 bytes, suites 1 and 3 of 16 (Section 3.6). */
function tagBytes(suite: number): number {
  return suite % 2 === 0 ? 8 : 16
}

/** A COSE_Encrypt0 of which the ciphertext alone is sent (Sections 5.4.2 and 5.5.2). */
function encrypt0(
  suite: number,
  keys: readonly [prk: Uint8Array, label: number],
  th: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array {
  const [prk, label] = keys
  const key = kdf(prk, label, th, 16)
  const iv = kdf(prk, label + 1, th, 13)
  const cipher = createCipheriv('aes-128-ccm', key, iv, { authTagLength: tagBytes(suite) })
  cipher.setAAD(cbor(['Encrypt0', NONE, th]), { plaintextLength: plaintext.length })
  const ciphertext = cipher.update(plaintext)
  cipher.final()
  return join(ciphertext, cipher.getAuthTag())
}

interface Proof {
  readonly suite: number
  readonly party: Party
  readonly prk: Uint8Array
  readonly label: 2 | 6
  readonly th: Uint8Array
  readonly ead: readonly Value[]
  /** C_R, for MAC_2. */
  readonly before: readonly Value[]
  readonly change: (mac: Uint8Array) => Uint8Array
}

/** Signature_or_MAC_2 or 3 (Sections 5.3.2 and 5.4.2). */
function prove({ suite, party, prk, label, th, ead, before, change }: Proof): Uint8Array {
  const { key, idCred, cred } = party
  const signs = key.kind === 'ed25519' || key.kind === 'es256'
  const bound = [th, new Raw(cred), ...ead]
  const context = sequence([...before, idCred, ...bound])
  const mac = change(kdf(prk, label, context, signs ? 32 : tagBytes(suite)))
  if (!signs) return mac
  return sign(key, cbor(['Signature1', cbor(idCred), sequence(bound), mac]))
}

/** Plays an exchange. */
export function play(script: Script): Exchange {
  const { method, suite, x, y, cI, cR, initiator, responder, ead = [], changes = {} } = script
  const [ead1 = [], ead2 = [], ead3 = [], ead4 = []] = ead
  const { message1: change1 = same, plaintext2: change2 = same } = changes
  const { plaintext3: change3 = same, plaintext4: change4 = same } = changes
  const message1 = sequence(change1([method, suite, x.x, cI, ...ead1]))

  const th2 = sha256(sequence([y.x, sha256(message1)]))
  const prk2e = hmac('sha256', th2, agree(y, x.x))
  const respondsByDh = method === 1 || method === 3
  const prk3e2m = respondsByDh
    ? hmac('sha256', kdf(prk2e, 1, th2, 32), agree(responder.key, x.x))
    : prk2e
  const side2 = { suite, party: responder, prk: prk3e2m, label: 2, th: th2, ead: ead2 } as const
  const proof2 = prove({ ...side2, before: [cR], change: changes.mac2 ?? same })
  const plaintext2 = sequence(change2([cR, responder.shown, proof2, ...ead2]))
  const keystream = kdf(prk2e, 0, th2, plaintext2.length)
  const ciphertext2 = plaintext2.map((byte, i) => byte ^ (keystream[i] ?? 0))
  const message2 = cbor(join(changes.gY ?? y.x, ciphertext2))

  const th3 = sha256(join(cbor(th2), plaintext2, responder.cred))
  const initiatesByDh = method === 2 || method === 3
  const prk4e3m = initiatesByDh
    ? hmac('sha256', kdf(prk3e2m, 5, th3, 32), agree(initiator.key, y.x))
    : prk3e2m
  const side3 = { suite, party: initiator, prk: prk4e3m, label: 6, th: th3, ead: ead3 } as const
  const proof3 = prove({ ...side3, before: [], change: changes.mac3 ?? same })
  const plaintext3 = sequence(change3([initiator.shown, proof3, ...ead3]))
  const message3 = cbor(encrypt0(suite, [prk3e2m, 3], th3, plaintext3))

  const th4 = sha256(join(cbor(th3), plaintext3, initiator.cred))
  const message4 = cbor(encrypt0(suite, [prk4e3m, 8], th4, sequence(change4(ead4))))
  const prkOut = kdf(prk4e3m, 7, th4, 32)
  const prkExporter = kdf(prkOut, 10, NONE, 32)
  const masterSecret = kdf(prkExporter, 0, NONE, 16)
  const masterSalt = kdf(prkExporter, 1, NONE, 8)
  return {
    message1,
    th2,
    prk2e,
    prk3e2m,
    plaintext2,
    message2,
    th3,
    prk4e3m,
    plaintext3,
    message3,
    th4,
    message4,
    prkOut,
    prkExporter,
    masterSecret,
    masterSalt,
  }
}
