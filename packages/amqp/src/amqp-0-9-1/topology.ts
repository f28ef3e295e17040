// SPDX-License-Identifier: Apache-2.0
/**
 * What a transport needs besides its queues, made or found at each connection: exchanges, dead letters,
 * streams. Where the broker does not let us declare, it has to be there.
 *
 * @module
 */

import type { Channel, ChannelModel, Options } from 'amqplib'
import { onChannelOfItsOwn } from './channels.js'
import type { Resolved091 } from './options.js'
import { bindingOf } from './queues.js'
import { ACCESS_REFUSED, refusalCode, topologyFailed } from './refusals.js'

/** Makes what sends and subscriptions to data need. @throws {WaxwingError} `ERR_TRANSPORT` if refused. */
export async function prepareData(model: ChannelModel, options: Resolved091): Promise<void> {
  const { name, type, durable, declare } = options.exchange
  await Promise.all([
    step(model, `the exchange ${name}`, '', {
      declare: (channel) =>
        declare ? channel.assertExchange(name, type, { durable }) : channel.checkExchange(name),
      check: (channel) => channel.checkExchange(name),
    }),
    prepareDeadLetters(model, options),
  ])
}

/** Makes what everything needs. @throws {WaxwingError} `ERR_TRANSPORT` if refused. */
export async function prepareControl(model: ChannelModel, options: Resolved091): Promise<void> {
  const { controlExchange: name } = options
  await Promise.all([
    step(model, `the exchange ${name}`, '', {
      declare: (channel) => channel.assertExchange(name, 'topic', { durable: true }),
      check: (channel) => channel.checkExchange(name),
    }),
    prepareRetained(model, options),
    prepareData(model, options).then(() => prepareHistory(model, options)),
  ])
}

async function prepareDeadLetters(model: ChannelModel, options: Resolved091): Promise<void> {
  const { deadLetters } = options
  if (deadLetters === undefined) return
  const { exchange, queue } = deadLetters
  await step(model, `the place of dead letters ${exchange}`, '', {
    declare: async (channel) => {
      await channel.assertExchange(exchange, 'topic', { durable: true })
      await channel.assertQueue(queue, { durable: true })
      await channel.bindQueue(queue, exchange, '#')
    },
    check: async (channel) => {
      await channel.checkExchange(exchange)
      await channel.checkQueue(queue)
    },
  })
}

async function prepareRetained(model: ChannelModel, options: Resolved091): Promise<void> {
  const { retainedStream } = options
  if (retainedStream === undefined) return
  const { name, maxLengthBytes } = retainedStream
  const steps = [name, `${name}.data`].map((stream) =>
    step(model, `the stream ${stream}`, '; retainedStream: false does without', {
      declare: (channel) => channel.assertQueue(stream, streamOf({ maxLengthBytes })),
      check: (channel) => channel.checkQueue(stream),
    }),
  )
  await Promise.all(steps)
}

async function prepareHistory(model: ChannelModel, options: Resolved091): Promise<void> {
  const { history } = options
  if (history === undefined) return
  const { stream, filters, declare = true } = history
  await step(model, `the stream ${stream}`, '', {
    declare: async (channel) => {
      if (!declare) {
        await channel.checkQueue(stream)
        return
      }
      await channel.assertQueue(stream, streamOf(history))
      for (const filter of filters) {
        const { exchange, bindingKey, bindingArguments } = bindingOf(filter, options)
        await channel.bindQueue(stream, exchange, bindingKey, bindingArguments)
      }
    },
    check: (channel) => channel.checkQueue(stream),
  })
}

interface Step {
  readonly declare: (channel: Channel) => Promise<unknown>
  /** Where declaring is forbidden. */
  readonly check: (channel: Channel) => Promise<unknown>
}

async function step(
  model: ChannelModel,
  what: string,
  advice: string,
  { declare, check }: Step,
): Promise<void> {
  try {
    try {
      await onChannelOfItsOwn(model, declare)
    } catch (error) {
      if (refusalCode(error) !== ACCESS_REFUSED) throw error
      await onChannelOfItsOwn(model, check)
    }
  } catch (error) {
    if (refusalCode(error) === undefined) throw error // the connection
    throw topologyFailed(what, advice, error)
  }
}

/** Segments are what goes when there is too much: an eighth of it each, within what RabbitMQ takes. */
const MAX_SEGMENT_BYTES = 500_000_000

function streamOf(limits: {
  readonly maxLengthBytes?: number
  readonly maxAgeSeconds?: number
}): Options.AssertQueue {
  const { maxLengthBytes, maxAgeSeconds } = limits
  const segment = Math.min(Math.ceil((maxLengthBytes ?? Infinity) / 8), MAX_SEGMENT_BYTES)
  return {
    durable: true,
    arguments: {
      'x-queue-type': 'stream',
      'x-stream-max-segment-size-bytes': segment,
      ...(maxLengthBytes === undefined ? {} : { 'x-max-length-bytes': maxLengthBytes }),
      ...(maxAgeSeconds === undefined ? {} : { 'x-max-age': `${maxAgeSeconds}s` }),
    },
  }
}
