// SPDX-License-Identifier: Apache-2.0
/**
 * The questions to JetStream's own interface that a transport asks. Each fails as soon as the connection
 * is gone; the library would wait for its time limit.
 *
 * @module
 */

import {
  jetstreamManager,
  type ConsumerConfig,
  type ConsumerInfo,
  type ConsumerUpdateConfig,
  type JetStreamManager,
  type StreamConfig,
  type StreamInfo,
} from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'

export class JetStreamApi {
  readonly #manager: JetStreamManager
  readonly #gone: Promise<never>

  private constructor(manager: JetStreamManager, connection: NatsConnection) {
    this.#manager = manager
    this.#gone = connection.closed().then(() => {
      throw new Error('the connection broke')
    })
    this.#gone.catch(() => undefined) // perhaps nobody asks
  }

  static async over(connection: NatsConnection, timeoutMs: number): Promise<JetStreamApi> {
    const manager = await jetstreamManager(connection, { checkAPI: false, timeout: timeoutMs })
    return new JetStreamApi(manager, connection)
  }

  stream(name: string): Promise<StreamInfo> {
    return this.#whileThere(this.#manager.streams.info(name))
  }

  addStream(config: Partial<StreamConfig> & { name: string }): Promise<StreamInfo> {
    return this.#whileThere(this.#manager.streams.add(config))
  }

  consumer(stream: string, name: string): Promise<ConsumerInfo> {
    return this.#whileThere(this.#manager.consumers.info(stream, name))
  }

  addConsumer(stream: string, config: Partial<ConsumerConfig>): Promise<ConsumerInfo> {
    return this.#whileThere(this.#manager.consumers.add(stream, config))
  }

  updateConsumer(
    stream: string,
    name: string,
    config: Partial<ConsumerUpdateConfig>,
  ): Promise<ConsumerInfo> {
    return this.#whileThere(this.#manager.consumers.update(stream, name, config))
  }

  /** Whether or not it is there. */
  async removeConsumer(stream: string, name: string): Promise<void> {
    await this.#whileThere(this.#manager.consumers.delete(stream, name)).catch(() => false)
  }

  async #whileThere<T>(answer: Promise<T>): Promise<T> {
    return Promise.race([answer, this.#gone])
  }
}
