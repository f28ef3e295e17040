// SPDX-License-Identifier: Apache-2.0
/** The LAN of namespaces: what it leaves behind, and whom it joins. */
import { execFile, execFileSync } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { type Lan, lanAvailable, requireOrSkip, startLan } from '@waxwing/testkit'

/** Of iproute2. */
const IP = 'ip'
/** Above what Linux gives: nobody's process. */
const DEAD = 'waxlan-4194999-dead'

requireOrSkip('a network of namespaces (root, iproute2, python3)', lanAvailable())('a LAN', () => {
  it('is gone when it is closed, and so is what a killed process left', async () => {
    execFileSync(IP, ['netns', 'add', DEAD], { env: PATHS })
    const lan = await startLan({ hosts: 1 })
    expect(namespaces()).not.toContain(DEAD)
    expect(namespaces()).toContain(`waxlan-${process.pid}-`)
    await lan.close()
    expect(namespaces()).not.toContain(`waxlan-${process.pid}-`)
  })

  it('carries, loses and cuts as it is told', async () => {
    const lan = await startLan({ hosts: 2 })
    try {
      expect(await received(lan)).toBe(20)
      await lan.set({ loss: 0.5, seed: 1 })
      const some = await received(lan)
      expect(some).toBeGreaterThan(0)
      expect(some).toBeLessThan(20)
      await lan.set({ loss: 0 })
      await lan.cut(1)
      expect(await received(lan, 2)).toBe(0)
      await lan.cut()
      expect(await received(lan)).toBe(20)
    } finally {
      await lan.close()
    }
  })
})

const PATHS = { ...process.env, PATH: `/usr/sbin:/sbin:${process.env['PATH'] ?? ''}` }

function namespaces(): string {
  return execFileSync(IP, ['netns', 'list'], { encoding: 'utf8', env: PATHS })
}

const RECEIVE = `
import select, socket, sys
heard = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
heard.bind(('0.0.0.0', 9000))
heard.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                 socket.inet_aton('239.1.2.3') + socket.inet_aton(sys.argv[1]))
print('ready', flush=True)
count = 0
while select.select([heard], [], [], 1 if count else int(sys.argv[2]))[0]:
    heard.recv(2000)
    count += 1
print(count)
`
const SEND = `
import socket, sys
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
out.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(sys.argv[1]))
for _ in range(20): out.sendto(b'x' * 500, ('239.1.2.3', 9000))
`

/** How many of twenty datagrams to a group arrive at the other host. */
async function received(lan: Lan, patienceSeconds = 20): Promise<number> {
  const [from, to] = lan.hosts
  if (from === undefined || to === undefined) throw new Error('two hosts were asked for')
  const listen = to.command('/usr/bin/python3', ['-c', RECEIVE, to.address, `${patienceSeconds}`])
  const listening = promisify(execFile)(listen.program, listen.args)
  const { promise: ready, resolve } = Promise.withResolvers<void>()
  listening.child.stdout?.once('data', () => resolve())
  await ready
  const say = from.command('/usr/bin/python3', ['-c', SEND, from.address])
  await promisify(execFile)(say.program, say.args)
  const { stdout } = await listening
  return Number(stdout.trim().split('\n').at(-1))
}
