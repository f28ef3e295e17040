// SPDX-License-Identifier: Apache-2.0
/** Endpoints on hosts of their own: who may read, what is missing, and the past from a neighbour. */
import { Domain, memoryStore } from '@waxwing/client'
import { fromHex, toHex } from '@waxwing/core'
import { type Lan, lanAvailable, requireOrSkip, startLan } from '@waxwing/testkit'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { Member } from './member-process.ts'

const STREAM = 'house/meter'
const numbered = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, index) => `reading ${from + index}`)

requireOrSkip('a network of namespaces (root, iproute2, python3)', lanAvailable())(
  'a house',
  () => {
    let lan: Lan
    let members: [meter: Member, desk: Member, other: Member]
    let domain: Domain

    beforeAll(async () => {
      lan = await startLan({ hosts: 3 })
      const start = async (position: number): Promise<Member> => {
        const host = lan.hosts[position]
        if (host === undefined) throw new Error(`there is no host ${position}`)
        return Member.start(host)
      }
      members = await Promise.all([start(0), start(1), start(2)])
    })

    afterEach(async () => {
      await lan.cut()
      await lan.set({ loss: 0, duplicate: 0, reorder: 0 })
      await Promise.all(members.map((member) => member.tell('forget')))
    })

    afterAll(async () => {
      await Promise.all(members.map((member) => member.kill()))
      await lan.close()
    })

    const found = async (): Promise<void> => {
      domain = await Domain.create({
        store: memoryStore(),
        recoveryStore: memoryStore(),
        name: 'house',
      })
    }

    const enter = async (
      member: Member,
      name: string,
      { grantTo = [], announce = false }: { grantTo?: readonly string[]; announce?: boolean } = {},
    ): Promise<void> => {
      const enrolment = (await member.tell('enrol', name, grantTo, announce)) as string
      const produces = name === 'meter' ? ['house/#'] : []
      const admission = await domain.admit(fromHex(enrolment), { produces })
      await member.tell('admit', toHex(admission), toHex(domain.id))
    }

    it('hears a meter shout, and only whom its owner grants it can read it', async () => {
      const [meter, desk, stranger] = members
      await found()
      await Promise.all(members.map((member) => member.open()))
      await enter(meter, 'meter', { grantTo: ['desk'] })
      await enter(desk, 'desk')
      await enter(stranger, 'stranger')
      for (const reader of [desk, stranger]) await reader.tell('read', STREAM)
      await meter.tell('publish', STREAM, numbered(5))
      await expect.poll(() => desk.texts(), { timeout: 30_000 }).toEqual(numbered(5))
      await expect
        .poll(async () => (await meter.events('denied')).length, { timeout: 30_000 })
        .toBeGreaterThan(0)
      await expect
        .poll(async () => (await stranger.events('parked')).length, { timeout: 30_000 })
        .toBe(5)
      expect(await stranger.texts()).toEqual([])
    })

    it('tells exactly what is missing, and nothing twice, on a network that loses and repeats', async () => {
      const [meter, desk] = members
      const all = numbered(200)
      await found()
      await Promise.all([meter.open(), desk.open()])
      await enter(meter, 'meter', { grantTo: ['desk'] })
      await enter(desk, 'desk')
      await desk.tell('read', STREAM)
      await meter.tell('publish', STREAM, ['first'])
      await expect.poll(() => desk.texts(), { timeout: 30_000 }).toEqual(['first'])
      await lan.set({ loss: 0.2, duplicate: 0.2, reorder: 0.2, seed: 42 })
      await meter.tell('publish', STREAM, all)
      await lan.set({ loss: 0, duplicate: 0, reorder: 0 })
      await meter.tell('publish', STREAM, ['last'])
      await expect.poll(() => desk.texts(), { timeout: 30_000 }).toContain('last')
      const missing = async (): Promise<number> => {
        const gaps = await desk.events('gap')
        const sizes = gaps.map(({ missing: { first, last } }) => last - first + 1)
        const filled = (await desk.events('gap-filled')).length
        return sizes.reduce((sum, size) => sum + size, 0) - filled
      }
      const lost = async (): Promise<number> => {
        const got = new Set(await desk.texts())
        return all.filter((text) => !got.has(text)).length
      }
      await expect.poll(async () => (await missing()) - (await lost())).toBe(0)
      const texts = await desk.texts()
      expect(new Set(texts).size).toBe(texts.length)
      expect(await lost()).toBeGreaterThan(10)
      expect(await desk.events('duplicate')).toEqual([])
    })

    it('reads the past from a neighbour, with a grant that waited there, while the meter is off', async () => {
      const [meter, desk, neighbour] = members
      await found()
      await meter.open()
      await desk.open()
      await neighbour.open({ record: { serve: true } })
      await enter(meter, 'meter')
      await enter(desk, 'desk', { announce: true })
      await meter.tell('publish', STREAM, numbered(20))
      const id = await desk.tell('id')
      await expect.poll(() => meter.tell('knows', id), { timeout: 30_000 }).toBe(true)
      await desk.tell('switchOff')
      await meter.tell('grant', STREAM, 'desk')
      await meter.tell('close')

      await desk.switchOn()
      const { texts } = (await desk.tell('history', STREAM)) as { texts: string[] }
      expect(texts).toEqual(numbered(20))
    })
  },
)
