// SPDX-License-Identifier: Apache-2.0
/** What the message centre of the tests uses of `smpp` 0.5.1, which has no types of its own. */
declare module 'smpp' {
  import type { EventEmitter } from 'node:events'
  import type { Server as NetServer, Socket } from 'node:net'

  export interface Pdu {
    readonly command: string
    readonly command_id: number
    readonly command_status: number
    readonly sequence_number: number
    readonly [field: string]: unknown
    response(fields?: object): Pdu
  }

  export interface Session extends EventEmitter {
    readonly socket: Socket
    send(pdu: Pdu): boolean
    deliver_sm(fields: object, answered: (answer: Pdu) => void): boolean
    close(): void
    destroy(): void
  }

  export type Server = NetServer

  interface Field {
    filter?: unknown
  }

  interface Smpp {
    createServer(
      options: { key?: string; cert?: string },
      listener: (session: Session) => void,
    ): Server
    readonly PDU: { maxLength: number }
    readonly commands: Readonly<
      Record<string, { readonly params: Readonly<Record<string, Field>> }>
    >
    readonly tlvs: Readonly<Record<string, Field>>
  }

  const smpp: Smpp
  export default smpp
}
