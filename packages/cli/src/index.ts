// SPDX-License-Identifier: Apache-2.0
/**
 * The command line as a library: for tools that build on it.
 *
 * @module
 */

export { EXIT_CODES, type ExitKind } from './exit-codes.js'
export { buildProgram } from './program.js'
