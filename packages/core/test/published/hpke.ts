// SPDX-License-Identifier: Apache-2.0
/**
 * RFC 9180 and draft-ietf-hpke-pq. Key pairs and encapsulation are checked wherever the KEM is ours;
 * messages and secrets where the KDF and the AEAD are ours as well, on both sides of a context built
 * of the provider's parts; and the first message of base mode through `openBase` and `sealBase`.
 */

import { CipherSuite, type KEM, type KEMFactory } from 'hpke'
import { expect, it } from 'vitest'
import {
  concatBytes,
  type CryptoProvider,
  fromHex,
  generateKemKeyPair,
  type KemKind,
  openBase,
  sealBase,
  toHex,
} from '@waxwing/core'
import { providers } from '../crypto/providers.js'
import { casesOf, type HpkeEncryption, type HpkeExport, type HpkeSetup } from './catalogue.js'
import { runSource } from './runner.js'

interface Setup extends HpkeSetup {
  readonly info: string
  readonly ikmR: string
  readonly ikmE: string
  readonly skRm: string
  readonly pkRm: string
  readonly enc: string
  readonly shared_secret: string
  readonly psk?: string
  readonly psk_id?: string
}

/** A setup by itself, one of its messages, or one of its exported secrets. */
interface Case {
  readonly setup: Setup
  readonly encryption?: HpkeEncryption
  readonly seq?: number
  readonly export?: HpkeExport
}

/** One context at both ends, or at the recipient's alone. */
interface Contexts {
  readonly sealed: ReadonlyMap<number, string>
  readonly opened: ReadonlyMap<number, string>
  readonly exported: readonly (readonly string[])[]
}

const KEM_XWING = 0x64_7a
const TEXT = new Uint8Array([1, 2, 3])

export function declareHpke(): void {
  for (const source of ['hpke/rfc9180.json', 'hpke/pq.json']) {
    const contexts = new Map<string, Promise<Contexts>>()
    runSource<Case, CryptoProvider>(source, {
      on: providers,
      async passes(crypto, value) {
        if (value.encryption === undefined && value.export === undefined) {
          return checkKeys(crypto, value.setup)
        }
        const key = `${crypto.name} ${value.setup.mode} ${value.setup.kem_id}`
        if (!contexts.has(key)) contexts.set(key, runContexts(crypto, value.setup))
        await checkInContext(crypto, value, (await contexts.get(key))!)
      },
    })
  }

  it.each(providers)(
    'hpke/rfc9180.json: $name seals 257 messages, whose nonces carry',
    async (p) => {
      const { setup } = casesOf<Case>('hpke/rfc9180.json').get('base 0x0020 0x0001 0x0003: keys')!
      const { sealed } = await runContexts(p, setup)
      const sequenceNumbers = setup.encryptions.map(({ seq }) => seq)
      expect(sequenceNumbers).toStrictEqual([0, 1, 2, 3, 4, 5, 6, 7, 255, 256])
      expect([...sealed.keys()]).toStrictEqual(sequenceNumbers)
    },
  )
}

function kindOf({ kem_id }: Setup): KemKind {
  return kem_id === KEM_XWING ? 'x-wing' : 'x25519'
}

async function checkKeys(crypto: CryptoProvider, setup: Setup): Promise<void> {
  const key = await generateKemKeyPair(crypto, kindOf(setup), fromHex(setup.ikmR))
  expect([toHex(key.secretKey), toHex(key.publicKey)]).toStrictEqual([setup.skRm, setup.pkRm])
  const kem = kindOf(setup) === 'x25519' ? crypto.hpke.x25519() : crypto.hpke.xWing()
  const privateKey = await kem.DeserializePrivateKey(fromHex(setup.skRm), false)
  const publicKey = await kem.DeserializePublicKey(fromHex(setup.pkRm))
  const secret = await kem.Decap(fromHex(setup.enc), privateKey, publicKey)
  expect(toHex(secret)).toBe(setup.shared_secret)
}

async function checkInContext(crypto: CryptoProvider, value: Case, found: Contexts): Promise<void> {
  const { setup, encryption, seq, export: secret } = value
  if (secret !== undefined) {
    for (const exported of found.exported) expect(exported).toContain(secret.exported_value)
    expect(found.exported[0]).toHaveLength(setup.exports.length)
    return
  }
  expect(found.opened.get(seq!)).toBe(encryption!.pt)
  if (kindOf(setup) === 'x25519') expect(found.sealed.get(seq!)).toBe(encryption!.ct)
  if (seq !== 0 || setup.psk !== undefined) return
  await checkOpenBase(crypto, setup, encryption!)
  if (kindOf(setup) === 'x25519') await checkSealBase(crypto, setup, encryption!)
}

async function checkOpenBase(
  crypto: CryptoProvider,
  setup: Setup,
  { aad, ct, pt }: HpkeEncryption,
): Promise<void> {
  const { skRm, pkRm, enc, info } = setup
  const key = { kind: kindOf(setup), publicKey: fromHex(pkRm), secretKey: fromHex(skRm) }
  const encapsulatedKey = fromHex(enc)
  const input = { encapsulatedKey, ciphertext: fromHex(ct), info: fromHex(info), aad: fromHex(aad) }
  expect(toHex(await openBase(crypto, key, input))).toBe(pt)
  for (const part of ['encapsulatedKey', 'ciphertext', 'info', 'aad'] as const) {
    const changed = new Uint8Array(input[part])
    changed[0]! ^= 1
    await expect(openBase(crypto, key, { ...input, [part]: changed })).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_NOT_AUTHENTIC' }),
    )
  }
}

async function checkSealBase(
  crypto: CryptoProvider,
  { info, ikmE, pkRm, enc }: Setup,
  { aad, ct, pt }: HpkeEncryption,
): Promise<void> {
  // What the hedge derives is replaced by what the vector says.
  const given = { ...crypto, hmacSha512: () => concatBytes(fromHex(ikmE), new Uint8Array(32)) }
  const sealed = await sealBase(given, {
    recipientKey: { kind: 'x25519', publicKey: fromHex(pkRm) },
    info: fromHex(info),
    aad: fromHex(aad),
    plaintext: fromHex(pt),
  })
  expect([toHex(sealed.encapsulatedKey), toHex(sealed.ciphertext)]).toStrictEqual([enc, ct])
}

/**
 * Runs a whole context. X-Wing encapsulations take no randomness from the caller, so that of X-Wing
 * has a recipient only.
 */
async function runContexts(crypto: CryptoProvider, setup: Setup): Promise<Contexts> {
  const x25519 = kindOf(setup) === 'x25519'
  const suite = suiteOf(crypto, x25519 ? fixedEphemeral(crypto, setup) : crypto.hpke.xWing)
  const keys = await suite.DeriveKeyPair(fromHex(setup.ikmR), false)
  const info = { info: fromHex(setup.info) }
  const options =
    setup.psk === undefined
      ? info
      : { ...info, psk: fromHex(setup.psk), pskId: fromHex(setup.psk_id!) }
  const recipient = await suite.SetupRecipient(keys, fromHex(setup.enc), options)
  const exported = [await exportAll(recipient, setup)]
  const sealed = new Map<number, string>()
  const opened = new Map<number, string>()
  if (!x25519) {
    for (const [i, { aad, ct }] of setup.encryptions.entries()) {
      opened.set(i, toHex(await recipient.Open(fromHex(ct), fromHex(aad))))
    }
    return { sealed, opened, exported }
  }
  const { ctx: sender, encapsulatedSecret } = await suite.SetupSender(keys.publicKey, options)
  expect(toHex(encapsulatedSecret)).toBe(setup.enc)
  exported.push(await exportAll(sender, setup))
  // The file shows some of the messages only, by their number; those between are passed over.
  let next = 0
  for (const { seq, aad, ct, pt } of setup.encryptions) {
    for (; next < (seq ?? next); next++) await recipient.Open(await sender.Seal(TEXT))
    sealed.set(next, toHex(await sender.Seal(fromHex(pt), fromHex(aad))))
    opened.set(next, toHex(await recipient.Open(fromHex(ct), fromHex(aad))))
    next++
  }
  return { sealed, opened, exported }
}

async function exportAll(
  context: { Export(context: Uint8Array, length: number): Promise<Uint8Array> },
  setup: Setup,
): Promise<readonly string[]> {
  const secrets = []
  for (const { exporter_context, L } of setup.exports) {
    secrets.push(toHex(await context.Export(fromHex(exporter_context), L)))
  }
  return secrets
}

function suiteOf({ hpke }: CryptoProvider, kem: KEMFactory): CipherSuite {
  return new CipherSuite(kem, hpke.hkdfSha256, hpke.chacha20Poly1305)
}

/** The KEM with its ephemeral key derived from what the vector says. */
function fixedEphemeral({ hpke }: CryptoProvider, { ikmE }: Setup): KEMFactory {
  const kem = Object.create(hpke.x25519()) as KEM
  kem.GenerateKeyPair = (extractable) => kem.DeriveKeyPair(fromHex(ikmE), extractable)
  return () => kem
}
