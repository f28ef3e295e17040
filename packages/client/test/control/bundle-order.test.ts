import { describe, expect, it } from 'vitest'
import { Village } from '../support/domain.js'

describe('bundles after the anchor was replaced', () => {
  it('are believed in whichever order they come', async () => {
    const village = await Village.found()
    const member = await village.member('desk')
    const { introduction, bundle } = await village.domain.rotateAnchor()
    await expect(member.endpoint.receive(bundle)).rejects.toMatchObject({ code: 'ERR_NOT_TRUSTED' })
    await member.endpoint.receive(introduction)
    expect(member.endpoint.parts.trustBook.trust.bundle?.bytes).toEqual(bundle)
  })

  it('are no news when they come again, unlike what only resembles them', async () => {
    const village = await Village.found()
    const member = await village.member('desk')
    const { introduction, bundle } = await village.domain.rotateAnchor()
    for (const each of [introduction, bundle, introduction]) await member.endpoint.receive(each)
    expect(member.endpoint.parts.trustBook.trust.bundle?.bytes).toEqual(bundle)
    const changed = introduction.slice()
    changed[changed.length - 1]! ^= 1
    await expect(member.endpoint.receive(changed)).rejects.toMatchObject({
      code: 'ERR_NOT_TRUSTED',
    })
    const late = await village.member('late')
    await late.endpoint.receive(introduction)
    expect(late.endpoint.parts.trustBook.trust.bundle?.bytes).toEqual(bundle)
  })

  it('that nobody introduces are refused, and hinder no other', async () => {
    const village = await Village.found()
    const stranger = await Village.found()
    const member = await village.member('desk')
    await expect(member.endpoint.receive(stranger.domain.bundle)).rejects.toMatchObject({
      code: 'ERR_NOT_TRUSTED',
    })
    const newer = await village.domain.renewBundle()
    await member.endpoint.receive(newer)
    expect(member.endpoint.parts.trustBook.trust.bundle?.bytes).toEqual(newer)
  })
})
