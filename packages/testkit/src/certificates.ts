// SPDX-License-Identifier: Apache-2.0
/**
 * X.509 certificates made by the tests themselves (RFC 5280), so that no private key lies in the
 * repository and no tool is needed. ECDSA over P-256, valid for an hour, for loopback only.
 *
 * @module
 */

import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'

export interface Certificate {
  /** PEM. */
  readonly cert: string
  /** PEM, PKCS #8, unencrypted. */
  readonly key: string
}

export interface CertificateAuthority {
  /** PEM of the root, for a client's `ca`. */
  readonly ca: string
  /** Makes a certificate for `localhost`, 127.0.0.1 and ::1, good for servers and clients. */
  issue(commonName: string): Certificate
}

/** Makes a root that exists only in this process. */
export function createAuthority(rootName: string): CertificateAuthority {
  const root = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const rootKey = root.privateKey
  const issue = (name: string, subjectKey: KeyObject, extensions: readonly Buffer[]): string =>
    toPem('CERTIFICATE', certificate({ rootName, rootKey, name, subjectKey, extensions }))
  return {
    ca: issue(rootName, root.publicKey, [BASIC_CONSTRAINTS_CA]),
    issue(name) {
      const own = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
      const key = own.privateKey.export({ type: 'pkcs8', format: 'pem' })
      return { cert: issue(name, own.publicKey, [LOOPBACK_NAMES]), key }
    },
  }
}

interface Contents {
  readonly rootName: string
  readonly rootKey: KeyObject
  readonly name: string
  readonly subjectKey: KeyObject
  readonly extensions: readonly Buffer[]
}

function certificate({ rootName, rootKey, name, subjectKey, extensions }: Contents): Buffer {
  const toBeSigned = der(
    SEQUENCE,
    der(0xa0, der(INTEGER, Buffer.from([2]))), // version 3
    der(INTEGER, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ECDSA_WITH_SHA256,
    distinguishedName(rootName),
    der(SEQUENCE, utcTime(-3_600_000), utcTime(3_600_000)),
    distinguishedName(name),
    subjectKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, der(SEQUENCE, ...extensions)),
  )
  const signature = sign('sha256', toBeSigned, rootKey)
  return der(SEQUENCE, toBeSigned, ECDSA_WITH_SHA256, der(0x03, Buffer.from([0]), signature))
}

const INTEGER = 0x02
const SEQUENCE = 0x30
const OID = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'))
const OCTETS = (...parts: readonly Buffer[]): Buffer => der(0x04, ...parts)
const TRUE = der(0x01, Buffer.from([0xff]))

const ECDSA_WITH_SHA256 = der(SEQUENCE, OID('2a8648ce3d040302'))
const BASIC_CONSTRAINTS_CA = der(SEQUENCE, OID('551d13'), TRUE, OCTETS(der(SEQUENCE, TRUE)))
const LOOPBACK_NAMES = der(
  SEQUENCE,
  OID('551d11'), // subjectAltName
  OCTETS(
    der(
      SEQUENCE,
      der(0x82, Buffer.from('localhost')),
      der(0x87, Buffer.from([127, 0, 0, 1])),
      der(0x87, Buffer.from([...Array<number>(15).fill(0), 1])),
    ),
  ),
)

function distinguishedName(name: string): Buffer {
  const attribute = der(SEQUENCE, OID('550403'), der(0x0c, Buffer.from(name)))
  return der(SEQUENCE, der(0x31, attribute))
}

function utcTime(offsetMs: number): Buffer {
  const digits = new Date(Date.now() + offsetMs).toISOString().replace(/\D/g, '')
  return der(0x17, Buffer.from(`${digits.slice(2, 14)}Z`))
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content])
  if (length < 0x100) return Buffer.concat([Buffer.from([tag, 0x81, length]), content])
  return Buffer.concat([Buffer.from([tag, 0x82, length >> 8, length & 0xff]), content])
}

function toPem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').replace(/.{64}(?=.)/g, '$&\n')
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`
}
