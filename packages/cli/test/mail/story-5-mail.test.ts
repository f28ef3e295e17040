// SPDX-License-Identifier: Apache-2.0
/**
 * Story 5, its last hop: what a bridge has written into an archive goes in a mail, with a grant for its
 * reader, who opens it. Each object is, byte for byte, the one that the broker carried.
 */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { readMail } from '@waxwing/email'
import { mosquittoAvailable, requireOrSkip, startMosquitto, type Mosquitto } from '@waxwing/testkit'
import { BridgeProcess } from '../bridge/bridge-process.js'
import { archived, mqttTap } from '../bridge/taps.js'
import { dovecotAvailable, Post } from './post.js'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const TEXTS = ['21.5', '21.6', 'ä'.repeat(100_000)]
const available = mosquittoAvailable() && dovecotAvailable()

requireOrSkip('mosquitto and dovecot (root)', available)('an archive of a bridge', () => {
  let [post, mosquitto]: [Post?, Mosquitto?] = []
  let bridge: BridgeProcess | undefined

  beforeAll(async () => {
    ;[mosquitto, post] = await Promise.all([startMosquitto(), Post.open('plant', 'vault')])
    await post.introduce('vault', 'plant')
    const sides = ['--from', mosquitto.url, '--to', 'plant.wax', '--map', 'plant/#']
    bridge = new BridgeProcess(post.office.folder, ...sides)
    await bridge.start()
  })

  afterAll(async () => {
    await bridge?.kill()
    await post?.close()
    await mosquitto?.close()
  })

  it('is opened by who gets it by mail, each object as it was sent', async () => {
    const [{ url }, { office, sink }] = [mosquitto!, post!]
    const sent = await mqttTap(url, 'plant/#')
    for (const text of TEXTS) {
      const ended = office.start('plant', '--broker', url, 'pub', 'plant/temperature')
      ended.process.stdin?.end(text)
      expect(await ended.ended()).toMatchObject({ status: 0 })
    }
    await expect.poll(() => sent).toHaveLength(TEXTS.length)
    await expect.poll(() => archived(office.path('plant.wax'))).toEqual(sent)

    const grant = ['--stream', 'plant/temperature', '--grant', 'vault', '--grant-from', '1h ago']
    const to = ['--to', post!.mailbox('vault'), '--subject', 'November']
    const mailed = await post!.at(
      'plant',
      'mail',
      'send',
      '--archive',
      'plant.wax',
      ...grant,
      ...to,
    )
    expect(mailed).toMatchObject({ status: 0 })
    const { items } = readMail(sink.mails[0]?.bytes ?? new Uint8Array())
    const sums = items.map(({ payload }) => createHash('sha256').update(payload).digest('hex'))
    expect(sums.slice(1)).toEqual(sent) // the grant comes first

    const fetched = await post!.at('vault', '--json', 'mail', 'fetch')
    const lines = fetched.stdout.trim().split('\n')
    const opened = lines.flatMap((line) => (JSON.parse(line) as { text?: string }).text ?? [])
    expect(opened).toEqual(TEXTS)
    expect(fetched).toMatchObject({ status: 0 })
  })
})
