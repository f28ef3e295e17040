// SPDX-License-Identifier: Apache-2.0
/**
 * The stories, for every package that has a transport to play them over.
 *
 * @module
 */

export * from './stories/index.js'
