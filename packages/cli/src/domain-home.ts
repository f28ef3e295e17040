// SPDX-License-Identifier: Apache-2.0
/**
 * The domain that a home runs, and its members as people name and see them.
 *
 * @module
 */

import { toBase64Url, WaxwingError } from '@waxwing/core'
import { Domain, type Member } from '@waxwing/client'
import type { Context } from './context.js'
import type { Json } from './output.js'
import { formatTime } from './times.js'

/** Shortest beginning of an id that stands for the whole. */
const MIN_PREFIX_LENGTH = 6

/** @throws {WaxwingError} `ERR_KEY_UNKNOWN` if the home runs no domain. */
export async function openDomain(context: Context): Promise<Domain> {
  return Domain.open({ store: await context.openStore('domain') })
}

/** Finds whom a person means. @throws {WaxwingError} `ERR_KEY_UNKNOWN`: nobody, or several. */
export async function findMember(domain: Domain, who: string): Promise<Member> {
  const all = await domain.members()
  const found = all.filter(({ id, name }) => {
    const text = toBase64Url(id)
    return name === who || text === who || (who.length >= MIN_PREFIX_LENGTH && text.startsWith(who))
  })
  const standing = found.filter(({ revokedSince }) => revokedSince === undefined)
  const [member] = found.length === 1 ? found : standing
  if (member !== undefined && (found.length === 1 || standing.length === 1)) return member
  const why = found.length === 0 ? `nobody here is called ${who}` : `several are called ${who}`
  throw new WaxwingError('ERR_KEY_UNKNOWN', `${why}: waxwing domain members`, { rule: 'member' })
}

export function memberValue(member: Member): { readonly [key: string]: Json } {
  const { revokedSince } = member
  return {
    id: toBase64Url(member.id),
    name: member.name,
    unit: member.unit,
    roles: member.roles,
    produces: member.produces,
    keeper: member.isKeeper,
    expires: new Date(member.expires * 1000).toISOString(),
    revokedSince: revokedSince === undefined ? null : new Date(revokedSince * 1000).toISOString(),
  }
}

export function memberLines(member: Member): readonly string[] {
  const { revokedSince, roles, produces } = member
  const facts = [
    ...(revokedSince === undefined
      ? [`until ${formatTime(new Date(member.expires * 1000))}`]
      : [`REVOKED since ${formatTime(new Date(revokedSince * 1000))}`]),
    ...(member.isKeeper ? ['keeper'] : []),
    ...(member.unit === undefined ? [] : [`unit ${member.unit}`]),
    ...(roles.length === 0 ? [] : [`roles ${roles.join(', ')}`]),
    ...(produces.length === 0 ? [] : [`publishes ${produces.join(', ')}`]),
  ]
  return [`${member.name.padEnd(16)} ${toBase64Url(member.id).slice(0, 12)}  ${facts.join('; ')}`]
}
