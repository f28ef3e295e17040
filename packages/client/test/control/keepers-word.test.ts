import { signMessage } from '@waxwing/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fixedClock, type FixedClock } from '../../src/testing.js'
import { DAY, HOUR, START } from '../support/plant.js'
import { Town, type Resident } from '../support/town.js'

const YEAR = 365 * DAY

let town: Town
let clock: FixedClock
let device: Resident
let keeper: Resident
/** The device lost its clock; it knows the keeper. */
beforeEach(async () => {
  town = await Town.found()
  clock = fixedClock(START)
  device = await town.member('device', {}, { clock })
  keeper = await town.member('keeper', { days: 3650 })
  const { id } = keeper.endpoint.parts.identity
  await device.endpoint.receive(await town.domain.addKeeper(id))
  clock.forget()
})
afterEach(() => town.close())

/** A message of the keeper that says when it was issued. */
function saysItIs(ms: number): Uint8Array {
  const { identity } = keeper.endpoint.parts
  const issued = Math.floor(ms / 1000)
  return signMessage({
    type: 'ack',
    envelope: {
      id: crypto.getRandomValues(new Uint8Array(16)),
      issued,
      expires: issued + 3600,
      credential: identity.credential ?? undefined,
      inReplyTo: new Uint8Array(32),
    },
    body: { outcome: 'done' },
    author: identity.id,
    key: identity.signingKey,
    recipient: device.endpoint.parts.identity.id,
  })
}

const now = (): number => device.endpoint.parts.runtime.time.now()

/** Restarts the device. Its clock shows something again. */
async function restartAt(ms: number): Promise<void> {
  await device.endpoint.close()
  clock.set(ms)
  device = await town.restart(device)
}

describe('a keeper’s word on the time', () => {
  it('is kept over a restart', async () => {
    await device.endpoint.receive(saysItIs(START + 2 * DAY))
    expect(now()).toBe(START + 2 * DAY)
    await restartAt(START + DAY)
    expect(device.endpoint.parts.runtime.time.known).toBe(false)
    await restartAt(START + 3 * DAY)
    expect(device.endpoint.parts.runtime.time.known).toBe(true)
  })

  it('moves the time no further than the bundle lasts that names the keeper', async () => {
    const { time } = device.endpoint.parts.runtime
    for (const ms of [START + 31 * DAY, START + YEAR, START + 9 * YEAR]) {
      await device.endpoint.receive(saysItIs(ms))
      expect(now()).toBe(START)
    }
    await device.endpoint.receive(saysItIs(START + 29 * DAY))
    expect(now()).toBe(START + 29 * DAY)
    clock.set(START + 30 * DAY)
    expect(time.known).toBe(true)
  })

  it('leaves a clock that is right what it is, also after a restart', async () => {
    await device.endpoint.receive(saysItIs(START + 9 * YEAR))
    await restartAt(START + HOUR)
    expect(device.endpoint.parts.runtime.time.known).toBe(true)
    expect(now()).toBe(START + HOUR)
  })
})
