// SPDX-License-Identifier: Apache-2.0
/**
 * The transport that the options ask for.
 *
 * @module
 */

import type { Received, Transport } from '@waxwing/core'
import { CoreTransport } from './core-transport.js'
import { JetStreamTransport } from './jetstream-transport.js'
import { resolveOptions, type NatsReplaySpan, type NatsTransportOptions } from './options.js'

/** A transport, with what only NATS has. */
export interface NatsTransport extends Transport {
  /** As {@link Transport.replay}; also from a place in the stream. Not with core NATS. */
  replay?(filter: string, span?: NatsReplaySpan): AsyncIterable<Received>
}

/**
 * Opens a transport. It connects at once, and again whenever the connection breaks; failures on the
 * way are reported by `onStatus`. When the first connection is refused for good (wrong credentials, a
 * stream that cannot be used, no JetStream), everything that waits and everything later fails with
 * `ERR_TRANSPORT`.
 *
 * @throws {TypeError | RangeError} Naming the option that is wrong.
 */
export function natsTransport(options: NatsTransportOptions): NatsTransport {
  const resolved = resolveOptions(options)
  return resolved.delivery === 'core'
    ? new CoreTransport(resolved)
    : new JetStreamTransport(resolved)
}
