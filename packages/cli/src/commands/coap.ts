// SPDX-License-Identifier: Apache-2.0
/**
 * `waxwing coap`: ask and serve resources of CoAP, protected from end to end.
 *
 * @module
 */

import type { Command } from 'commander'
import { registerCoapKeys } from './coap-keys.js'
import { registerCoapObserve } from './coap-observe.js'
import { registerCoapProxy } from './coap-proxy.js'
import { registerCoapRequests } from './coap-request.js'
import { registerCoapServe } from './coap-serve.js'

export function registerCoap(program: Command): void {
  const coap = program
    .command('coap')
    .description('ask, serve and pass on resources of CoAP, protected by OSCORE and EDHOC')
  coap.commandsGroup('Asking:')
  registerCoapRequests(coap)
  registerCoapObserve(coap)
  coap.commandsGroup('Answering:')
  registerCoapServe(coap)
  registerCoapProxy(coap)
  coap.commandsGroup('Whom you know:')
  registerCoapKeys(coap)
}
