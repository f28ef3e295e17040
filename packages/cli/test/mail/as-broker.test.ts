// SPDX-License-Identifier: Apache-2.0
/** Commands that know nothing of mail, with a mailbox as their broker. */
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest'
import { requireOrSkip } from '@waxwing/testkit'
import { BridgeProcess } from '../bridge/bridge-process.js'
import { archived } from '../bridge/taps.js'
import type { Ended } from '../transcripts/running.js'
import { dovecotAvailable, Post } from './post.js'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

requireOrSkip('dovecot (root)', dovecotAvailable())('a mailbox as a broker', () => {
  let post: Post
  let plant: (...args: readonly string[]) => Promise<Ended>

  beforeAll(async () => {
    post = await Post.open('plant', 'desk')
    const account = post.account('plant', `&to=${post.mailbox('desk')}`)
    plant = (...args) => post.over(account, 'plant', ...args)
  })

  afterAll(() => post.close())

  it('is well in the eyes of the doctor, who says what it cannot do', async () => {
    const { stdout, status } = await post.at('desk', 'doctor')
    expect(stdout).toContain(', e-mail')
    expect(stdout).toContain('nothing is announced to all')
    expect(stdout).toContain('answers are waited for 1h')
    expect(status).toBe(0)
  })

  it('carries what is published, requests and grants', async () => {
    const desk = post.start('desk', 'sub', 'plant/#', '--count', '1')
    await desk.shows(/Reading plant/)
    await plant('pub', 'plant/a', 'by mail')
    await desk.shows(/Asked/)
    const heard = await plant('requests', '--for', '2s')
    expect(heard.stdout).toContain('desk')
    expect(await plant('grant', 'desk', '--stream', 'plant/a', '--from', '1h ago')).toMatchObject({
      status: 0,
    })
    await desk.shows(/Read 1 message/)
    const { stdout, status } = await desk.ended()
    expect(stdout).toContain('plant/a  by mail')
    expect(status).toBe(0)
  })

  it('keeps a history, is recorded, and takes files in pieces', async () => {
    const past = await post.at('desk', 'history', 'plant/#', '--wait', '1s')
    expect(past.stdout).toContain('plant/a  by mail')
    const content = randomBytes(1_500_000)
    writeFileSync(post.office.path('f.bin'), content)
    expect(await plant('send', 'f.bin', '--stream', 'plant/files')).toMatchObject({ status: 0 })
    await plant('grant', 'desk', '--stream', 'plant/files', '--from', '1h ago')
    const received = await post.at('desk', 'receive', 'got.bin', '--stream', 'plant/files')
    expect(received).toMatchObject({ status: 0 })
    expect(readFileSync(post.office.path('got.bin')).equals(content)).toBe(true)
    const recording = post.start('desk', 'record', 'plant/#', 'kept.wax', '--count', '1')
    await recording.shows(/Recording/)
    await plant('pub', 'plant/a', 'for the record')
    expect(await recording.ended()).toMatchObject({ status: 0 })
  })

  it('is one side of a bridge', async () => {
    writeFileSync(post.office.path('password'), post.dovecot.password)
    const from = ['--from', post.account('desk'), '--from-password-file', 'password']
    const to = ['--to', 'bridged.wax', '--map', 'plant/#', '--state', 'bridge-state']
    const bridge = new BridgeProcess(post.office.folder, ...from, ...to)
    onTestFinished(() => bridge.kill())
    await bridge.start()
    await plant('pub', 'plant/a', 'over the bridge')
    const path = post.office.path('bridged.wax')
    await expect.poll(() => archived(path), { timeout: 30_000 }).not.toEqual([])
    expect(await bridge.end()).toMatch(/There: [1-9]/)
  })
})
