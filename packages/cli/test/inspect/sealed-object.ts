// SPDX-License-Identifier: Apache-2.0
/**
 * One sealed object, for tests of what carries it.
 *
 * @module
 */

import { Domain, memoryStore, openEndpoint } from '@waxwing/client'

/** Seals a text under a stream of its own. */
export async function sealedObject(stream: string, text: string): Promise<Uint8Array> {
  const domain = await Domain.create({ store: memoryStore(), name: 'plant', recovery: false })
  await using endpoint = await openEndpoint({ store: memoryStore(), name: 'thermometer' })
  const enrolment = await endpoint.enrolment({ produces: [stream] })
  await endpoint.admit(await domain.admit(enrolment, { produces: [stream] }), {
    domainId: domain.id,
  })
  return (await endpoint.producer(stream)).seal(text)
}
