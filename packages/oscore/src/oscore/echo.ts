// SPDX-License-Identifier: Apache-2.0
/**
 * The client's part of a challenge by Echo (RFC 9175 Section 2.3; RFC 8613 Appendix B.1.2).
 *
 * @module
 */

import { CODE_UNAUTHORIZED, type CoapMessage, OPTION, optionValue } from '../coap/message.js'

/**
 * The request once more, with the Echo option of a challenge. It is protected as a new one.
 *
 * @param response - As it came out of `unprotectResponse`: a challenge that is not protected says
 *   nothing about the server.
 * @returns `undefined` if the response is no challenge.
 */
export function answerChallenge(
  request: CoapMessage,
  response: CoapMessage,
): CoapMessage | undefined {
  const echo = optionValue(response, OPTION.echo)
  if (response.code !== CODE_UNAUTHORIZED || echo === undefined) return undefined
  const others = request.options.filter(({ number }) => number !== OPTION.echo)
  return { ...request, options: [...others, { number: OPTION.echo, value: echo }] }
}
