// SPDX-License-Identifier: Apache-2.0
/** With Kannel, an implementation of SMPP and of segments that others wrote, at the same centre. */
import { expect, it, onTestFinished } from 'vitest'
import { fromHex, toHex } from '@waxwing/core'
import {
  expectReceived,
  kannelAvailable,
  loadVectors,
  MessageLog,
  requireOrSkip,
  startKannel,
  type Kannel,
  type MessageCentre,
  type Vector,
} from '@waxwing/testkit'
import { encodeArmour } from '../src/text/armour.js'
import { centreFor, dataOf, FAR, NEAR, transportAt } from './support/stage.ts'

const every = Uint8Array.from({ length: 512 }, (_, i) => (i === 0 ? 0xd0 : i & 0xff))
const pairs = loadVectors<Vector & { object?: string; compact?: string }>('compact')
const pair = pairs.find(({ result }) => result === 'valid')

async function kannelAt(centre: MessageCentre): Promise<Kannel> {
  const kannel = await startKannel({ centrePort: centre.port, number: FAR })
  onTestFinished(() => kannel.close())
  return kannel
}

requireOrSkip('kannel', kannelAvailable())('Kannel', () => {
  it('gets every byte of what we send, in one SMS or in many', async () => {
    const centre = await centreFor()
    const kannel = await kannelAt(centre)
    for (const concatenation of ['8-bit', '16-bit'] as const) {
      const transport = transportAt(centre, NEAR, { concatenation })
      const before = kannel.received.length
      for (const payload of [dataOf(140), every]) await transport.send(`sms/${FAR}`, payload)
      await expect.poll(() => kannel.received.length).toBe(before + 2)
      const got = kannel.received.slice(before)
      expect(got.map(({ bytes }) => toHex(bytes))).toEqual([dataOf(140), every].map(toHex))
      expect(got[0]).toMatchObject({ from: `+${NEAR}`, to: `+${FAR}`, coding: 1 })
      await transport.close()
    }
  })

  it('gets objects in their compact form', async () => {
    const centre = await centreFor()
    const kannel = await kannelAt(centre)
    await transportAt(centre, NEAR).send(`sms/${FAR}`, fromHex(pair?.object ?? ''))
    await expect.poll(() => kannel.received.length).toBe(1)
    expect(toHex(kannel.received[0]!.bytes)).toBe(pair?.compact)
  })

  it('sends us every byte, and a compact form comes out as the object that it is of', async () => {
    const centre = await centreFor()
    const kannel = await kannelAt(centre)
    const [transport, log] = [transportAt(centre, NEAR), new MessageLog()]
    await transport.subscribe(`sms/${FAR}`, log.acknowledge)
    for (const bytes of [dataOf(140), every, fromHex(pair?.compact ?? '')]) {
      await kannel.send(NEAR, bytes)
    }
    await expectReceived(log, dataOf(140), every, fromHex(pair?.object ?? ''))
    await expect.poll(() => centre.waitingFor(NEAR)).toBe(0)
    expect(log.messages).toHaveLength(3)
  })

  it('reads our armour as the text that it is, and sends us armour that we read', async () => {
    const centre = await centreFor()
    const kannel = await kannelAt(centre)
    const [transport, log] = [transportAt(centre, NEAR, { coding: 'text' }), new MessageLog()]
    await transport.subscribe(`sms/${FAR}`, log.acknowledge)
    for (const payload of [dataOf(126), every]) await transport.send(`sms/${FAR}`, payload)
    await expect.poll(() => kannel.received.length).toBe(2)
    const texts = kannel.received.map(({ bytes }) => Buffer.from(bytes).toString())
    expect(texts).toEqual([dataOf(126), every].map(encodeArmour))
    for (const text of texts) await kannel.sendText(NEAR, text)
    await expectReceived(log, dataOf(126), every)
  })
})
