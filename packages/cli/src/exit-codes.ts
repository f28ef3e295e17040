// SPDX-License-Identifier: Apache-2.0
/**
 * The exit status of the command: one number for each kind of failure, so that scripts can branch.
 * `docs/reference/exit-codes.md` is made from here.
 *
 * @module
 */

import { WaxwingError, type ErrorCode } from '@waxwing/core'

export const EXIT_CODES = {
  ok: { status: 0, meaning: 'It worked.' },
  unexpected: { status: 1, meaning: 'Something that should not happen: please report it.' },
  usage: { status: 2, meaning: 'The command was given wrongly: an argument, an option, a file.' },
  denied: { status: 3, meaning: 'Not trusted, not authorised, denied, revoked or expired.' },
  'not-authentic': { status: 4, meaning: 'Not authentic, not well-formed, or not supported.' },
  'key-unknown': { status: 5, meaning: 'No key, no identity or no such principal is known here.' },
  transport: { status: 6, meaning: 'The broker or server cannot be reached, or refused.' },
  store: { status: 7, meaning: 'The store is damaged, locked, foreign, full or in use.' },
  timeout: { status: 8, meaning: 'Nothing came in time.' },
  refused: { status: 9, meaning: 'A CoAP server answered with an error: 4.xx or 5.xx.' },
  incomplete: { status: 10, meaning: 'Something is missing, or was not sent to its end.' },
} as const

export type ExitKind = keyof typeof EXIT_CODES

const KIND_BY_CODE: Readonly<Record<ErrorCode, ExitKind>> = {
  ERR_MALFORMED: 'not-authentic',
  ERR_UNSUPPORTED: 'not-authentic',
  ERR_NOT_AUTHENTIC: 'not-authentic',
  ERR_SIGNATURE: 'not-authentic',
  ERR_KEY_UNKNOWN: 'key-unknown',
  ERR_KEY_INVALID: 'not-authentic',
  ERR_NOT_TRUSTED: 'denied',
  ERR_NOT_AUTHORIZED: 'denied',
  ERR_CHAIN: 'not-authentic',
  ERR_RECIPIENT: 'denied',
  ERR_EXPIRED: 'denied',
  ERR_NOT_YET_VALID: 'denied',
  ERR_REVOKED: 'denied',
  ERR_ROLLBACK: 'not-authentic',
  ERR_CONFLICT: 'not-authentic',
  ERR_REPLAYED: 'not-authentic',
  ERR_CLOSED_GENERATION: 'not-authentic',
  ERR_LIMIT: 'not-authentic',
  ERR_NOT_READY: 'unexpected',
  ERR_COUNTER_EXHAUSTED: 'unexpected',
  ERR_CLOCK: 'unexpected',
  ERR_STORE_CORRUPT: 'store',
  ERR_STORE_FOREIGN: 'store',
  ERR_STORE_NEWER: 'store',
  ERR_STORE_KEY: 'store',
  ERR_STORE_FULL: 'store',
  ERR_STORE_BUSY: 'store',
  ERR_TRANSPORT: 'transport',
  ERR_TIMEOUT: 'timeout',
  ERR_CLOSED: 'unexpected',
  ERR_INTERNAL: 'unexpected',
}

/** A command that was given wrongly. The message says what to do instead. */
export class UsageError extends Error {
  override readonly name: string = 'UsageError'
}

/** A server answered, with an error. The message has its code, and what it says. */
export class ResponseError extends Error {
  override readonly name: string = 'ResponseError'
  /** As documents write it: `4.04`. */
  readonly codeName: string

  constructor(codeName: string, message: string) {
    super(message)
    this.codeName = codeName
  }
}

/** What was wanted is there in part. The message says what is missing, and what to do. */
export class IncompleteError extends Error {
  override readonly name: string = 'IncompleteError'
}

/** What kind of failure an error is. */
export function exitKindOf(error: unknown): ExitKind {
  if (error instanceof UsageError) return 'usage'
  if (error instanceof ResponseError) return 'refused'
  if (error instanceof IncompleteError) return 'incomplete'
  if (error instanceof WaxwingError) return KIND_BY_CODE[error.code]
  return isFileError(error) ? 'usage' : 'unexpected'
}

/** What the command calls failures that no part of the protocol has a code for. */
const OWN_CODES: Readonly<Record<string, ExitKind>> = {
  ERR_USAGE: 'usage',
  ERR_FILE: 'usage',
  ERR_RESPONSE: 'refused',
  ERR_INCOMPLETE: 'incomplete',
}

/** The code of a failure, as programs see it. */
export function errorCodeOf(error: unknown): string {
  if (error instanceof WaxwingError) return error.code
  if (error instanceof UsageError) return 'ERR_USAGE'
  if (error instanceof ResponseError) return 'ERR_RESPONSE'
  if (error instanceof IncompleteError) return 'ERR_INCOMPLETE'
  return isFileError(error) ? 'ERR_FILE' : 'ERR_INTERNAL'
}

/** The reference page, as Markdown. */
export function exitCodesPage(): string {
  const kindByCode: Readonly<Record<string, ExitKind>> = { ...OWN_CODES, ...KIND_BY_CODE }
  const rows = Object.entries(EXIT_CODES).map(([kind, { status, meaning }]) => {
    const codes = Object.keys(kindByCode).filter((code) => kindByCode[code] === kind)
    return `| ${status} | ${meaning} | ${codes.map((code) => `\`${code}\``).join(', ')} |`
  })
  return `<!-- Made from packages/cli/src/exit-codes.ts by its test. Do not edit. -->

# Exit codes of \`waxwing\`

| status | meaning | error codes ([what they mean](errors.md)) |
| --- | --- | --- |
${rows.join('\n')}

With \`--json\` a failure is one line on standard error: \`{"error":"ERR_…","message":"…","exit":…}\`.
\`ERR_USAGE\`, \`ERR_FILE\` (the file system said no), \`ERR_RESPONSE\` (a CoAP server did) and
\`ERR_INCOMPLETE\` are the command's own.
`
}

const FILE_ERRORS: ReadonlySet<unknown> = new Set(
  'ENOENT EEXIST EACCES EPERM EISDIR ENOTDIR ENOSPC EDQUOT EFBIG EROFS ELOOP EMFILE'.split(' '),
)

/** The file system said no: a file that is not there, or that is there already; no room. */
function isFileError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && FILE_ERRORS.has(error.code)
}
