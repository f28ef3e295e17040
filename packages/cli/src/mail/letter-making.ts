// SPDX-License-Identifier: Apache-2.0
/**
 * What one mail carries: files and messages of a stream, sealed, and the grants with which its readers
 * open them, so that nobody has to ask.
 *
 * Grants stand before what they open. What was sealed for a mail that is never sent is missing to readers.
 *
 * @module
 */

import { statSync } from 'node:fs'
import { basename } from 'node:path'
import {
  decodeObject,
  epochStartMs,
  toBase64Url,
  WaxwingError,
  type TrustedPrincipal,
} from '@waxwing/core'
import type { Endpoint, GrantTerms, Producer } from '@waxwing/client'
import type { LetterItem } from '@waxwing/email'
import { carriedGrants } from '../carried-grants.js'
import { UsageError } from '../exit-codes.js'
import type { Output } from '../output.js'
import { contentTypeOfFile } from '../transfers/content-type.js'
import { cleanFileName, FILE_NAME } from '../transfers/file-name.js'
import { byteSize, Pace } from '../transfers/pace.js'
import { SentFile } from '../transfers/sent-file.js'

/** Base64 with its line ends, and the headers of an attachment. */
const GROWTH = 78 / 57
const PART_BYTES = 1024
/** So many pieces of a file are sealed together that none is longer. */
const PIECE_BYTES = 1_048_576

/** A file that is in a mail. */
export interface MailedFile {
  readonly file: string
  readonly byteCount: number
  readonly pieces: number
  /** In hex. */
  readonly sha256: string
}

export interface LetterWish {
  readonly files: readonly string[]
  readonly message: Uint8Array | undefined
  readonly contentType: string | undefined
}

/**
 * Checks, before anything is sealed, that a mail of these files is no longer than it may be.
 *
 * @throws {UsageError} If it would be, or one is no file.
 */
export function assertFits(files: readonly string[], maxBytes: number): void {
  let bytes = PART_BYTES
  for (const file of files) {
    const stat = statSync(file)
    if (!stat.isFile()) throw new UsageError(`${file} is no file`)
    bytes += stat.size * GROWTH + PART_BYTES * (1 + stat.size / PIECE_BYTES)
  }
  if (bytes <= maxBytes) return
  throw new UsageError(
    `a mail with this would have ${byteSize(bytes)}, and --max-size is ${byteSize(maxBytes)}: ` +
      'larger ones are refused by many servers; `waxwing send` sends a file in many mails',
  )
}

/** Seals what a letter is to carry. */
export class SealedLetter {
  readonly items: LetterItem[] = []
  readonly files: MailedFile[] = []
  readonly #producer: Producer
  readonly #output: Output
  readonly #signal: AbortSignal

  constructor(producer: Producer, output: Output, signal: AbortSignal) {
    this.#producer = producer
    this.#output = output
    this.#signal = signal
  }

  async seal({ files, message, contentType }: LetterWish): Promise<void> {
    const { name: address } = this.#producer
    if (message !== undefined) {
      const payload = await this.#sealMessage(message, contentType)
      this.items.push({ address, payload })
    }
    for (const file of files) await this.#sealFile(file)
    this.#output.progressDone()
  }

  /**
   * Puts grants before what was sealed.
   *
   * @param wished - Default: what the letter holds, and no more.
   */
  async grant(
    endpoint: Endpoint,
    grantees: readonly TrustedPrincipal[],
    wished: GrantTerms,
  ): Promise<GrantTerms> {
    const isBounded = wished.until !== undefined || wished.leaseSeconds !== undefined
    const { from, until } = this.#span()
    const terms = { from, ...(isBounded ? {} : { until }), ...wished }
    const grants: LetterItem[] = []
    for (const { id } of grantees) {
      grants.push(...(await carriedGrants(endpoint, this.#producer.name, toBase64Url(id), terms)))
    }
    this.items.unshift(...grants)
    return terms
  }

  /** What was sealed may be of an epoch that has not begun: no process goes back behind another. */
  #span(): { from: Date; until: Date } {
    const { epochSeconds } = this.#producer.generation.manifest
    const epochs = this.items.map(({ payload }) => decodeObject(payload).epoch)
    if (epochs.length === 0) return { from: new Date(), until: new Date() }
    const at = (epoch: number): Date => new Date(epochStartMs(epoch, epochSeconds))
    return { from: at(Math.min(...epochs)), until: at(Math.max(...epochs)) }
  }

  /** An epoch may end just now. */
  async #sealMessage(message: Uint8Array, contentType: string | undefined): Promise<Uint8Array> {
    const options = contentType === undefined ? {} : { contentType }
    try {
      return this.#producer.seal(message, options)
    } catch (error) {
      if (!(error instanceof WaxwingError) || error.code !== 'ERR_NOT_READY') throw error
      await this.#producer.ready()
      return this.#producer.seal(message, options)
    }
  }

  async #sealFile(file: string): Promise<void> {
    const { size } = statSync(file)
    const { name: address } = this.#producer
    const name = cleanFileName(basename(file), 'file')
    const source = new SentFile(file)
    const pace = new Pace(this.#output, name)
    const sealed = this.#producer.sealFrom(source.bytesFrom(0), {
      size,
      contentType: contentTypeOfFile(file),
      headers: new Map([[FILE_NAME, name]]),
      signal: this.#signal,
      onProgress: ({ bytes }) => pace.show(bytes, size),
    })
    let pieces = 0
    for await (const payload of sealed) {
      this.items.push({ address, payload })
      pieces++
    }
    this.files.push({ file, byteCount: size, pieces, sha256: source.sha256 })
  }
}
