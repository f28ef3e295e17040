// SPDX-License-Identifier: Apache-2.0
/**
 * The examples of cose-wg/Examples: COSE_Sign1 and COSE_Encrypt0 are opened or refused as their
 * files say, the other kinds of message are refused as malformed.
 *
 * Messages signed with anything but Ed25519 are refused, but their signatures are verified here by
 * `node:crypto`, so that framing and Sig_structure are tried on every example; ES256, which providers
 * offer for EDHOC, is verified by these as well.
 */

import { expect, it } from 'vitest'
import {
  AEAD_PARAMETERS,
  type AeadAlgorithm,
  ArrayFields,
  CborTag,
  concatBytes,
  type CryptoProvider,
  decodeCbor,
  decodeEncrypt0,
  decodeSign1,
  type Encrypt0,
  encodeSign1,
  encStructure,
  fromBase64Url,
  fromHex,
  LABEL_ALG,
  LABEL_IV,
  readHeader,
  type Sign1,
  sigStructure,
  toHex,
  utf8,
  verifySign1,
} from '@waxwing/core'
import { providers } from '../crypto/providers.js'
import { casesOf, sources } from './catalogue.js'
import { verifyByPeer } from './peer-signatures.js'
import { codeOf } from './refusal.js'
import { runSource } from './runner.js'

type Jwk = Readonly<Record<string, string>>

interface Layer {
  readonly key?: Jwk
  readonly external?: string
  readonly recipients?: readonly { readonly key: Jwk }[]
}

interface Example {
  readonly fail?: boolean
  readonly input: {
    readonly plaintext?: string
    readonly plaintext_hex?: string
    readonly sign0?: Layer
    readonly encrypted?: Layer
    readonly enveloped?: Layer
  }
  readonly intermediates: {
    readonly ToBeSign_hex?: string
    readonly AAD_hex?: string
    readonly CEK_hex?: string
  }
  readonly output: { readonly cbor: string }
}

/** Messages without their tag, as their titles say. */
const UNTAGGED = new Set(['sign-pass-03', 'enc-pass-03'])

/** Its AAD_hex has the context "Encrypt1" of an old draft; its ciphertext was made over "Encrypt0". */
const STALE_AAD = 'chacha-poly-enc-01'

/** RFC 9053 Section 2.1. */
const ALG_ES256 = -7

/** Any principal's seed: what is refused under every key is tried with this one. */
const SEED = new Uint8Array(32).fill(7)

export function declareCose(): void {
  for (const source of sources().keys()) {
    if (!source.startsWith('cose/')) continue
    runSource<Example, CryptoProvider>(source, {
      on: providers,
      offers,
      passes: checkExample,
      refuses: checkRefused,
    })
  }

  it.each(providers)('cose/eddsa-examples: $name makes the Ed25519 example', (crypto) => {
    const { input, output } = casesOf<Example>('cose/eddsa-examples').get('eddsa-sig-01')!
    const key = crypto.ed25519SigningKey(member(input.sign0!.key!, 'd')!)
    const { protectedHeader, unprotectedHeader, payload } = decodeSign1(fromHex(output.cbor), 'it')
    const made = encodeSign1({ protectedHeader, unprotectedHeader, payload }, (m) => key.sign(m))
    expect(toHex(made)).toBe(output.cbor.toLowerCase())
  })

  it('cose/CWT: A_6 holds the COSE_Sign1 of A_3', () => {
    const examples = casesOf<Example>('cose/CWT')
    const message = decodeSign1(inputBytes(examples.get('A_6')!), 'CWT')
    const { key } = examples.get('A_3')!.input.sign0!
    expect(verifyByPeer(message, key!, new Uint8Array())).toBe(true)
  })
}

/** A COSE_Encrypt0 of an algorithm that somebody offers runs there; everything else everywhere. */
function offers(crypto: CryptoProvider, example: Example, name: string): boolean {
  if (example.input.encrypted === undefined) return true
  const message = codeOf(() => decodeEncrypted(example, name)) as Encrypt0 | string
  if (typeof message === 'string') return true
  const alg = algOf(message)
  return !isOffered(alg) || crypto.aeads.has(alg)
}

function checkExample(crypto: CryptoProvider, example: Example, name: string): void {
  if (example.input.sign0 !== undefined) checkSign1(crypto, example, name)
  else if (example.input.encrypted !== undefined) checkEncrypt0(crypto, example, name)
  else throw new Error('is neither a COSE_Sign1 nor a COSE_Encrypt0')
}

/** Out of scope: not one of the two messages, or of another algorithm. */
function checkRefused(crypto: CryptoProvider, example: Example, name: string): void {
  const bytes = fromHex(example.output.cbor)
  if (example.input.sign0 !== undefined) {
    checkForeignSignature(crypto, example, name)
  } else if (example.input.encrypted !== undefined) {
    const alg = algOf(decodeEncrypt0(bytes, name)) as AeadAlgorithm
    expect(codeOf(() => crypto.aead(alg, contentKey(example)))).toBe('ERR_UNSUPPORTED')
  } else {
    expect(codeOf(() => decodeSign1(bytes, name))).toBe('ERR_MALFORMED')
    expect(codeOf(() => decodeEncrypt0(bytes, name))).toBe('ERR_MALFORMED')
    const { enveloped } = example.input
    if (enveloped !== undefined && example.fail !== true) checkContent(crypto, example)
  }
}

function checkSign1(crypto: CryptoProvider, example: Example, name: string): void {
  const { key, external } = example.input.sign0!
  if (name === 'sign-fail-01') {
    const decoded = codeOf(() => decodeSign1(fromHex(example.output.cbor), name))
    return expect(decoded).toBe('ERR_MALFORMED')
  }
  const message = decodeSigned(example, name)
  const own = key!['crv'] === 'Ed25519' ? member(key!, 'x')! : ownPublicKey(crypto)
  const verifyingKey = crypto.ed25519VerifyingKey(own)
  const good = example.fail !== true
  expect(verifySign1(message, verifyingKey, bytesOf(external))).toBe(good)
  if (!good) return
  checkSigned(example, message)
  const changed = { ...message, signature: message.signature.with(63, message.signature[63]! ^ 1) }
  expect(verifySign1(changed, verifyingKey, bytesOf(external))).toBe(false)
}

/** Decodes, has the Sig_structure that a peer verifies, and is refused by us whoever signed. */
function checkForeignSignature(crypto: CryptoProvider, example: Example, name: string): void {
  const { key, external } = example.input.sign0!
  const message = decodeSigned(example, name)
  expect(verifyByPeer(message, key!, bytesOf(external))).toBe(example.fail !== true)
  if (message.protectedHeader.get(LABEL_ALG) === ALG_ES256) {
    expect(verifyEs256(crypto, example, message)).toBe(example.fail !== true)
  }
  const verifyingKey = crypto.ed25519VerifyingKey(ownPublicKey(crypto))
  expect(verifySign1(message, verifyingKey, bytesOf(external))).toBe(false)
  if (example.fail !== true) checkSigned(example, message)
}

function verifyEs256(crypto: CryptoProvider, example: Example, message: Sign1): boolean {
  const { key, external } = example.input.sign0!
  const point = concatBytes(Uint8Array.of(4), member(key!, 'x')!, member(key!, 'y')!)
  const { protectedBytes, payload, signature } = message
  const toBeSigned = sigStructure(protectedBytes, bytesOf(external), payload)
  return crypto.es256VerifyingKey(point).verify(toBeSigned, signature)
}

function checkSigned(example: Example, { protectedBytes, payload }: Sign1): void {
  expect(payload).toStrictEqual(inputBytes(example))
  const external = bytesOf(example.input.sign0!.external)
  const toBeSigned = toHex(sigStructure(protectedBytes, external, payload))
  expect(toBeSigned).toBe(example.intermediates.ToBeSign_hex!.toLowerCase())
}

function checkEncrypt0(crypto: CryptoProvider, example: Example, name: string): void {
  const decoded = codeOf(() => decodeEncrypted(example, name))
  if (name === 'enc-fail-01') return expect(decoded).toBe('ERR_MALFORMED')
  const message = decoded as Encrypt0
  if (!isOffered(algOf(message))) {
    expect(name).toMatch(/^enc-fail-0[34]$/)
    const unknown = algOf(message) as AeadAlgorithm
    return expect(codeOf(() => crypto.aead(unknown, contentKey(example)))).toBe('ERR_UNSUPPORTED')
  }
  const good = example.fail !== true
  const external = bytesOf(example.input.encrypted!.external)
  const plaintext = open(crypto, message, contentKey(example), external)
  expect(plaintext).toStrictEqual(good ? inputBytes(example) : undefined)
  if (!good || name === STALE_AAD) return
  const aad = toHex(encStructure(message.protectedBytes, external))
  expect(aad).toBe(example.intermediates.AAD_hex!.toLowerCase())
}

/** Opens what is in a good COSE_Encrypt, given the content key: the content algorithm is ours. */
function checkContent(crypto: CryptoProvider, example: Example): void {
  const { CEK_hex: key, AAD_hex: aad } = example.intermediates
  const value = decodeCbor(fromHex(example.output.cbor), 'COSE_Encrypt')
  const fields = new ArrayFields('it', value instanceof CborTag ? value.contents : value, 4)
  const { protectedHeader, unprotectedHeader } = readHeader(fields, 'it')
  const alg = protectedHeader.get(LABEL_ALG) ?? unprotectedHeader.get(LABEL_ALG)
  const iv = unprotectedHeader.get(LABEL_IV)
  if (!isOffered(alg) || !crypto.aeads.has(alg) || !(iv instanceof Uint8Array)) return
  const ciphertext = fields.bytes(2, 'ciphertext')
  const out = new Uint8Array(ciphertext.length - AEAD_PARAMETERS[alg].tagBytes)
  const opened = crypto.aead(alg, bytesOf(key)).open(iv, bytesOf(aad), ciphertext, out)
  expect(opened ? out : undefined).toStrictEqual(inputBytes(example))
}

/** Opens with an algorithm that the provider offers; `undefined` if the tag does not verify. */
function open(
  crypto: CryptoProvider,
  message: Encrypt0,
  key: Uint8Array,
  externalAad: Uint8Array,
): Uint8Array | undefined {
  const { protectedBytes, ciphertext } = message
  const alg = algOf(message) as AeadAlgorithm
  const iv = message.unprotectedHeader.get(LABEL_IV) as Uint8Array
  const out = new Uint8Array(ciphertext.length - AEAD_PARAMETERS[alg].tagBytes)
  const aad = encStructure(protectedBytes, externalAad)
  return crypto.aead(alg, key).open(iv, aad, ciphertext, out) ? out : undefined
}

function decodeSigned(example: Example, name: string): Sign1 {
  return decodeSign1(fromHex(example.output.cbor), name, { tagged: !UNTAGGED.has(name) })
}

function decodeEncrypted(example: Example, name: string): Encrypt0 {
  return decodeEncrypt0(fromHex(example.output.cbor), name, { tagged: !UNTAGGED.has(name) })
}

function ownPublicKey(crypto: CryptoProvider): Uint8Array {
  return crypto.ed25519SigningKey(SEED).publicKey
}

function contentKey({ input }: Example): Uint8Array {
  return member(input.encrypted!.recipients![0]!.key, 'k')!
}

function algOf({ protectedHeader, unprotectedHeader }: Encrypt0): unknown {
  return protectedHeader.get(LABEL_ALG) ?? unprotectedHeader.get(LABEL_ALG)
}

function isOffered(alg: unknown): alg is AeadAlgorithm {
  return typeof alg === 'number' && Object.hasOwn(AEAD_PARAMETERS, alg)
}

function inputBytes({ input }: Example): Uint8Array {
  return input.plaintext === undefined ? bytesOf(input.plaintext_hex) : utf8(input.plaintext)
}

function bytesOf(hex: string | undefined): Uint8Array {
  return fromHex(hex ?? '')
}

function member(key: Jwk, name: string): Uint8Array | undefined {
  const hex = key[`${name}_hex`]
  if (hex !== undefined) return fromHex(hex)
  return key[name] === undefined ? undefined : fromBase64Url(key[name])
}
