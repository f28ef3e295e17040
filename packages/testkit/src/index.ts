// SPDX-License-Identifier: Apache-2.0
/**
 * Contract suites, brokers as fixtures and vectors, for the tests of all packages. Not published.
 *
 * @module
 */

export * from './aedes.js'
export * from './certificates.js'
export * from './dovecot.js'
export { mortal } from './fixture-process.js'
export * from './lan.js'
export * from './kannel.js'
export * from './libcoap.js'
export * from './lossy-relay.js'
export * from './mail-changes.js'
export * from './message-centre.js'
export * from './message-log.js'
export * from './mosquitto.js'
export * from './nats.js'
export * from './postfix.js'
export * from './proton.js'
export * from './proxied-endpoints.js'
export * from './proxy.js'
export * from './rabbitmq.js'
export * from './require-or-skip.js'
export * from './small-disk.js'
export * from './smtp-sink.js'
export * from './store-suite.js'
export * from './torn-journal.js'
export * from './transport-suite.js'
export * from './vectors.js'
