import { afterEach, describe, expect, it } from 'vitest'
import { Town } from '../support/town.js'

const towns: Town[] = []
afterEach(async () => {
  for (const town of towns.splice(0)) await town.close()
})

async function foundTown(): Promise<Town> {
  const town = await Town.found()
  towns.push(town)
  return town
}

describe('a stream that is opened again', () => {
  it('has new keys once its producer belongs to a domain, and is else as it was', async () => {
    const town = await foundTown()
    const plant = await town.open('plant')
    const before = await plant.endpoint.producer('plant/1', { signature: 'batch' })
    await before.close()
    await town.admit(plant, { produces: ['plant/#'] })
    const after = await plant.endpoint.producer('plant/1')
    expect(after.kid).not.toBe(before.kid)
    const { manifest, predecessor } = after.generation
    expect(manifest.domainId).toEqual(town.domain.id)
    expect(manifest.signatureMode).toBe('batch')
    expect(predecessor).toBe(before.generation.id)
    await after.close()
    expect((await plant.endpoint.producer('plant/1')).kid).toBe(after.kid)
  })

  it('is refused where the domain does not allow its name, or no longer', async () => {
    const town = await foundTown()
    const plant = await town.open('plant')
    for (const name of ['plant/1', 'other/1']) await (await plant.endpoint.producer(name)).close()
    const notAuthorized = expect.objectContaining({ code: 'ERR_NOT_AUTHORIZED' }) as Error
    await town.admit(plant, { produces: ['plant/#'] })
    await expect(plant.endpoint.producer('other/1')).rejects.toThrow(notAuthorized)
    await (await plant.endpoint.producer('plant/1')).close()
    await town.admit(plant, { produces: ['elsewhere/#'] })
    await expect(plant.endpoint.producer('plant/1')).rejects.toThrow(notAuthorized)
  })
})
