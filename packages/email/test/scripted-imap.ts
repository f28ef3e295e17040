// SPDX-License-Identifier: Apache-2.0
/** An IMAP server that says what a test wants: no keywords, no structure, literals without an end. */
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** What is written before the tagged OK, by command, in upper case; or the whole answer, in bytes. */
export type Script = Readonly<
  Record<string, string | ((socket: Socket, tag: string, line: string) => void)>
>

const SELECTED =
  '* FLAGS (\\Seen)\r\n* 0 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT 1] x\r\n'

const ANSWERS: Script = {
  CAPABILITY: '* CAPABILITY IMAP4rev1 UIDPLUS\r\n',
  LIST: '* LIST () "/" INBOX\r\n',
  LSUB: '* LSUB () "/" INBOX\r\n',
  SELECT: `${SELECTED}* OK [PERMANENTFLAGS (\\Seen \\*)] x\r\n`,
  SEARCH: '* SEARCH\r\n',
}

/** Starts one for a test. Returns its port, and the commands that it was given. */
export async function startScriptedImap(
  script: Script = {},
): Promise<{ port: number; commands: string[] }> {
  const answers: Script = { ...ANSWERS, ...script }
  const commands: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.write('* OK ready\r\n')
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      for (let end = text.indexOf('\r\n'); end !== -1; end = text.indexOf('\r\n')) {
        const line = text.slice(0, end)
        text = text.slice(end + 2)
        const [tag = '', first = '', second = ''] = line.split(' ')
        const command = (first.toUpperCase() === 'UID' ? second : first).toUpperCase()
        commands.push(command)
        const answer = answers[command] ?? ''
        if (typeof answer === 'function') answer(socket, tag, line)
        else socket.write(`${answer}${tag} OK done\r\n`)
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, commands }
}
