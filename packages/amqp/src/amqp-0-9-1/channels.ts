// SPDX-License-Identifier: Apache-2.0
/**
 * Channels of a connection, as all parts of the transport open them: none throws unheard, none reads
 * more of one message than it may.
 *
 * An error of AMQP 0-9-1 closes the channel on which it was made, so what may be refused has a channel of
 * its own ({@link onChannelOfItsOwn}).
 *
 * @module
 */

import type { Channel, ChannelModel, ConfirmChannel } from 'amqplib'
import { NOT_FOUND, refusalCode } from './refusals.js'

/** Where amqplib hands over the frames of a channel; a header frame says how long the body is. */
interface FrameTaker {
  accept: (frame: { size?: number; readonly content?: Uint8Array }) => void
}

/** How the body of the message that is being handed over was left out: its length. */
const leftOut = new WeakMap<object, number>()

/** Tells that the message of this moment was too long, and how long it was; else `undefined`. */
export function lengthLeftOut(channel: Channel): number | undefined {
  return leftOut.get(channel)
}

/**
 * Lets no body above the limit be collected: its message is handed over at its header frame, without
 * it. amqplib would keep all that a broker sends of a message, of whatever length.
 */
export function boundBodies<T extends Channel>(channel: T, maxBytes: number): T {
  const taker = channel as unknown as FrameTaker
  const { accept } = taker
  let skipping = 0
  taker.accept = (frame) => {
    if (skipping > 0 && frame.content !== undefined) {
      skipping -= frame.content.length
      return
    }
    const { size = 0 } = frame
    if (size <= maxBytes) {
      accept.call(channel, frame)
      return
    }
    skipping = size
    frame.size = 0
    leftOut.set(channel, size)
    accept.call(channel, frame)
    leftOut.delete(channel)
  }
  return channel
}

/** Opens a channel; what it fails with is heard by `lost`, once, `undefined` where nobody said why. */
export async function openChannel(
  model: ChannelModel,
  lost: (error: unknown) => void,
): Promise<Channel> {
  return watched(await model.createChannel(), lost)
}

/** The same with confirms. */
export async function openConfirmChannel(
  model: ChannelModel,
  lost: (error: unknown) => void,
): Promise<ConfirmChannel> {
  return watched(await model.createConfirmChannel(), lost)
}

function watched<T extends Channel>(channel: T, lost: (error: unknown) => void): T {
  let why: unknown
  channel.on('error', (error: Error) => {
    why = error
  })
  channel.on('close', () => lost(why))
  return channel
}

/** Does something that may be refused. @throws What it was refused with. */
export async function onChannelOfItsOwn<T>(
  model: ChannelModel,
  use: (channel: Channel) => Promise<T>,
): Promise<T> {
  const channel = await openChannel(model, () => undefined)
  try {
    return await use(channel)
  } finally {
    await closeChannel(channel)
  }
}

/** Closes a channel, which may be closed. amqplib's own call never ends if the connection does. */
export async function closeChannel(channel: Channel): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    channel.once('close', resolve)
  })
  await Promise.race([closed, channel.close().catch(() => undefined)])
}

/** Tells whether a queue is there. */
export async function queueExists(model: ChannelModel, queue: string): Promise<boolean> {
  try {
    await onChannelOfItsOwn(model, (channel) => channel.checkQueue(queue))
    return true
  } catch (error) {
    if (refusalCode(error) === NOT_FOUND) return false
    throw error
  }
}
