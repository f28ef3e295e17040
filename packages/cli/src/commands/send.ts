// SPDX-License-Identifier: Apache-2.0
/**
 * `waxwing send`: a file of any size, sealed and published in pieces.
 *
 * @module
 */

import { statSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import type { Command } from 'commander'
import type { Producer, TransferOptions, TransferReceipt } from '@waxwing/client'
import { fromHex } from '@waxwing/core'
import { DEFAULT_BROKER } from '../broker/url.js'
import { withContext, type Context } from '../context.js'
import { IncompleteError, UsageError } from '../exit-codes.js'
import { assertNotRevoked } from '../identity-text.js'
import { counted } from '../output.js'
import { claimSession } from '../session-lock.js'
import { teach } from '../teaching.js'
import { contentTypeOfFile } from '../transfers/content-type.js'
import { cleanFileName, FILE_NAME } from '../transfers/file-name.js'
import { byteSize, Pace } from '../transfers/pace.js'
import { SendRecord, type Sending } from '../transfers/send-record.js'
import { SentFile } from '../transfers/sent-file.js'
import { streamName } from '../wishes.js'
import { warnUnsigned } from '../unsigned-warning.js'

interface SendOptions {
  readonly stream: string
  readonly contentType?: string
  readonly name?: string
  readonly restart?: boolean
}

export function registerSend(program: Command): void {
  teach(
    program
      .command('send')
      .description('seal a file of any size and publish it in pieces; what was interrupted goes on')
      .argument('<file>', 'the file; - is standard input')
      .requiredOption('--stream <name>', 'the name of the stream')
      .option('--content-type <type>', 'what the file is; default: by its extension')
      .option('--name <name>', 'what readers may call the file; default: its own name')
      .option('--restart', 'send it from the beginning, as another transfer')
      .action(withContext(run)),
    {
      examples: [
        'send video.mp4 --stream plant/1/files',
        'tar c logs | waxwing send - --stream plant/1/files',
      ],
      next: 'readers take it with `waxwing receive`; `waxwing requests` shows who asks for keys.',
      notes: [
        'Whatever interrupts it, the same command goes on where the broker has taken no more, as long as',
        'the file has the same size and time of change. Standard input cannot go on.',
      ],
    },
  )
}

async function run(context: Context, file: string, options: SendOptions): Promise<void> {
  const stream = streamName(options.stream)
  const { broker = DEFAULT_BROKER } = context.config
  const described = describe(file, options)
  if (file === '-' && process.stdin.isTTY) throw new UsageError('pipe the content in')
  const size = file === '-' ? undefined : regularFile(file)
  const record = size && recordOf(context, { ...size, ...described, stream, broker })
  if (options.restart === true) record?.restart()
  const endpoint = await context.openEndpoint({ part: 'passive' })
  assertNotRevoked(endpoint)
  const { transport } = endpoint.parts
  if (transport !== undefined) context.watch(transport)
  const producer = await endpoint.producer(stream)
  warnUnsigned(context, producer)
  const source = new SentFile(file)
  const receipt = await sendAll(context, { producer, source, described, record, size: size?.size })
  record?.remove()
  tell(context, { file, stream, sha256: source.sha256, receipt })
}

interface Described {
  readonly name: string
  readonly contentType: string
}

function describe(file: string, { name, contentType }: SendOptions): Described {
  const own = file === '-' ? '' : basename(file)
  return {
    name: cleanFileName(name ?? own, ''),
    contentType: contentType ?? contentTypeOfFile(name ?? own),
  }
}

/** @throws {UsageError} If it is none: a size must be known, and stay. */
function regularFile(file: string): Pick<Sending, 'path' | 'size' | 'modifiedMs'> {
  const stat = statSync(file)
  if (!stat.isFile()) throw new UsageError(`${file} is no file; a pipe goes in as -`)
  return { path: resolve(file), size: stat.size, modifiedMs: stat.mtimeMs }
}

function recordOf(context: Context, sending: Sending): SendRecord {
  const record = new SendRecord(context.home.path('sends'), sending)
  record.save()
  const release = claimSession(record.claimPath)
  context.defer(() => Promise.resolve(release()))
  return record
}

interface Sendable {
  readonly producer: Producer
  readonly source: SentFile
  readonly described: Described
  readonly record: SendRecord | undefined
  readonly size: number | undefined
}

async function sendAll(context: Context, sendable: Sendable): Promise<TransferReceipt> {
  const { stop, output } = context
  const { producer, source, record, size } = sendable
  const from = record?.from ?? 0
  const start = from * (record?.state.pieceBytes ?? 0)
  if (start > 0) output.note(`Going on at ${byteSize(start)} of ${byteSize(size ?? 0)}.`)
  let sent = start
  try {
    return await producer.publishFrom(source.bytesFrom(start), {
      ...optionsOf(sendable, from),
      signal: stop.signal,
      onProgress: showing(context, sendable, (bytes) => (sent = bytes)),
    })
  } catch (error) {
    record?.save()
    if (!stop.isAsked) throw error
    const how = size === undefined ? byteSize(sent) : `${byteSize(sent)} of ${byteSize(size)}`
    const then = record === undefined ? 'it cannot go on' : 'the same command goes on'
    throw new IncompleteError(`stopped after ${how}: ${then}`)
  } finally {
    output.progressDone()
  }
}

function showing(
  { output }: Context,
  { record, size, described }: Sendable,
  noted: (bytes: number) => void,
): NonNullable<TransferOptions['onProgress']> {
  const pace = new Pace(output, described.name === '' ? 'standard input' : described.name)
  return ({ pieces, bytes }) => {
    noted(bytes)
    record?.note(pieces, bytes)
    pace.show(bytes, size)
  }
}

function optionsOf({ described, record, size }: Sendable, from: number): TransferOptions {
  const { name, contentType } = described
  const state = record?.state
  const id = state && fromHex(state.transfer)
  return {
    contentType,
    ...(name === '' ? {} : { headers: new Map([[FILE_NAME, name]]) }),
    ...(size === undefined ? {} : { size }),
    ...(id === undefined
      ? {}
      : {
          transfer: {
            id,
            from,
            ...(state?.pieceBytes === undefined ? {} : { pieceBytes: state.pieceBytes }),
          },
        }),
  }
}

interface Sent {
  readonly file: string
  readonly stream: string
  readonly sha256: string
  readonly receipt: TransferReceipt
}

function tell({ output }: Context, { file, stream, sha256, receipt }: Sent): void {
  const { transfer, pieces, bytes } = receipt
  output.result({ sent: file, stream, transfer, pieces, byteCount: bytes, sha256 }, [
    `Sent ${file} to ${stream}: ${byteSize(bytes)} in ${counted(pieces, 'piece')}, transfer ${transfer}`,
    `SHA-256 ${sha256}`,
  ])
  output.next('waxwing requests   who asks to read', `waxwing grant WHO --stream ${stream}`)
}
