// SPDX-License-Identifier: Apache-2.0
/**
 * One end of the way of a large payload, in a process of its own: it makes the bytes, or writes each
 * piece in its place in a file before it acknowledges it.
 *
 * @module
 */

import { createCipheriv, createHash } from 'node:crypto'
import { createReadStream, mkdtempSync, rmSync } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { memoryStore, openEndpoint, type Endpoint, type Message } from '@waxwing/client'
import { courseOf } from './broker-courses.ts'
import { serve } from './worker.ts'

export interface LargeEnd {
  /** SHA-256 of all bytes, in hex. */
  readonly digest: string
  readonly pieces: number
  readonly doubled: number
  readonly grownMiB: number
}

const STREAM = 'files/1'
const MIB = 1024 * 1024
/** Bytes that are no sooner read than they are wanted, of a length that no piece has. */
const PART_BYTES = 100_003

let endpoint: Endpoint | undefined
let taken: Promise<LargeEnd> | undefined
let share = 0
let readyBytes = 0
let peakBytes = 0

interface Place {
  readonly name: string
  readonly port: number
  readonly session: string
}

/** @returns What a domain needs to admit it. */
async function openEnd({ name, port, session }: Place): Promise<Uint8Array> {
  const transport = courseOf(name).open(port, session)
  endpoint = await openEndpoint({
    store: memoryStore(),
    transport,
    decide: (request) => request.grant(),
  })
  return endpoint.enrolment({ name: session })
}

async function admit(admission: Uint8Array): Promise<void> {
  await opened().admit(admission)
}

async function send(mebibytes: number): Promise<LargeEnd> {
  const producer = await opened().producer(STREAM)
  const hash = createHash('sha256')
  const size = mebibytes * MIB
  beginMeasuring()
  const { pieces } = await producer.publishFrom(bytesOf(size, hash), {
    size,
    onProgress: ({ bytes }) => {
      share = bytes / size
    },
  })
  return { digest: hash.digest('hex'), pieces, doubled: 0, grownMiB: grownMiB() }
}

async function listen(): Promise<void> {
  const reader = opened().reader(STREAM, { transfers: 'pieces' })
  await reader.start()
  beginMeasuring()
  taken = take(reader)
}

async function take(reader: AsyncIterable<Message>): Promise<LargeEnd> {
  const folder = mkdtempSync(join(tmpdir(), 'waxwing-files-'))
  const path = join(folder, 'received')
  const file = await open(path, 'w+')
  try {
    const { pieces, doubled } = await writeAll(reader, file)
    const hash = createHash('sha256')
    await pipeline(createReadStream(path), hash)
    return { digest: hash.digest('hex'), pieces, doubled, grownMiB: grownMiB() }
  } finally {
    await file.close()
    rmSync(folder, { recursive: true })
  }
}

async function writeAll(
  reader: AsyncIterable<Message>,
  file: FileHandle,
): Promise<{ pieces: number; doubled: number }> {
  const seen = new Set<number>()
  let [doubled, count, pieceBytes] = [0, Infinity, 0]
  for await (const message of reader) {
    const { piece, plaintext } = message
    if (piece === undefined) throw new TypeError(`a message of ${message.stream} is no piece`)
    pieceBytes = piece.pieceBytes ?? pieceBytes
    if (seen.has(piece.index)) doubled++
    seen.add(piece.index)
    await file.write(plaintext, 0, plaintext.length, piece.index * pieceBytes)
    await message.acknowledge()
    if (piece.last) count = piece.index + 1
    if (seen.size === count) return { pieces: count, doubled }
  }
  throw new Error('the reader ended')
}

/** The same bytes each time, which no compression makes smaller. */
function* bytesOf(size: number, hash: ReturnType<typeof createHash>): Generator<Uint8Array> {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 1), Buffer.alloc(16))
  const zeros = Buffer.alloc(PART_BYTES)
  for (let done = 0; done < size; done += PART_BYTES) {
    const part = cipher.update(zeros.subarray(0, Math.min(PART_BYTES, size - done)))
    hash.update(part)
    yield part
  }
}

function beginMeasuring(): void {
  readyBytes = process.memoryUsage.rss()
  setInterval(() => {
    peakBytes = Math.max(peakBytes, process.memoryUsage.rss())
  }, 20).unref()
}

function grownMiB(): number {
  return Math.max(0, peakBytes - readyBytes) / MIB
}

function opened(): Endpoint {
  if (endpoint === undefined) throw new TypeError('the end is not open')
  return endpoint
}

const received = (): Promise<LargeEnd> | undefined => taken

serve({ open: openEnd, admit, send, listen, received, sentShare: () => share })
