// SPDX-License-Identifier: Apache-2.0
/** Data on their way to the group, and what the system says of them. */
import type { CoapMessage, UdpEndpoint } from '@waxwing/coap'
import { WaxwingError } from '@waxwing/core'
import { expect, it, onTestFinished } from 'vitest'
import { DataSending } from '../src/data-sending.ts'
import type { Lan } from '../src/lan/lan.ts'
import { resolveOptions } from '../src/options.ts'

/** A sender whose system refuses the first datagrams with these codes. */
function refusing(...codes: readonly string[]): {
  data: DataSending
  gone: number[]
  lost: unknown[]
} {
  const [gone, lost]: [number[], unknown[]] = [[], []]
  const refusals = [...codes]
  const announce = async ({ payload }: CoapMessage): Promise<void> => {
    const code = refusals.shift()
    if (code === undefined) gone.push(payload[0] ?? -1)
    else {
      const cause = Object.assign(new Error(code), { code })
      throw new WaxwingError('ERR_TRANSPORT', 'nothing can be sent there', {}, { cause })
    }
  }
  const lan = {
    isUp: true,
    group: { address: '239.255.1.1', port: 1 },
    works: () => undefined,
    lost: (error: unknown) => {
      lost.push(error)
      data.suspend()
    },
  }
  const data: DataSending = new DataSending({
    options: resolveOptions({ closeTimeoutMs: 100 }),
    endpoint: { announce } as unknown as UdpEndpoint,
    lan: () => lan as unknown as Lan,
  })
  data.resume()
  onTestFinished(() => data.close())
  return { data, gone, lost }
}

const sendAll = (data: DataSending): Promise<void>[] =>
  [1, 2, 3].map((number) => data.send('a', Uint8Array.of(number)))

it.each(['ENOBUFS', 'EAGAIN', 'ENOMEM'])('waits for a moment, in order, after %s', async (code) => {
  const { data, gone, lost } = refusing(code, code)
  await Promise.all(sendAll(data))
  expect(gone).toEqual([1, 2, 3])
  expect(lost).toEqual([])
})

it.each(['ENETUNREACH', 'ENETDOWN', 'EPERM', 'EADDRNOTAVAIL'])(
  'says that the link is lost, and keeps what was to be sent, after %s',
  async (code) => {
    const { data, gone, lost } = refusing(code)
    const sent = sendAll(data)
    await expect.poll(() => lost).toHaveLength(1)
    expect(gone).toEqual([])
    data.resume()
    await Promise.all(sent)
    expect(gone).toEqual([1, 2, 3])
  },
)

it.each(['EMSGSIZE', 'EINVAL'])(
  'fails one datagram, and goes on with the next, after %s',
  async (code) => {
    const { data, gone } = refusing(code)
    const [first, ...others] = sendAll(data)
    await expect(first).rejects.toMatchObject({ code: 'ERR_TRANSPORT', cause: { code } })
    await Promise.all(others)
    expect(gone).toEqual([2, 3])
  },
)
