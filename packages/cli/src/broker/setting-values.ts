// SPDX-License-Identifier: Apache-2.0
/**
 * What settings in the URL of a broker may be: words, lists, and where somebody is reached.
 *
 * @module
 */

import { UsageError } from '../exit-codes.js'
import { fullId, oneOf } from '../wishes.js'
import type { BrokerUrl } from './url.js'

/** A setting that is one of few, under its name. @throws {UsageError} If it is another. */
export function choice<Name extends string, Value extends string>(
  { settings }: BrokerUrl,
  name: Name,
  values: readonly Value[],
): { [name in Name]: Value } | undefined {
  const text = settings.get(name)
  if (text === undefined) return undefined
  return { [name]: oneOf(values, text, `${name}=`) } as { [name in Name]: Value }
}

/** Whether something is wished that is not there by itself. @throws {UsageError} */
export function isSaid({ settings }: BrokerUrl, name: string): boolean {
  return oneOf(['yes', 'no'], settings.get(name) ?? 'no', `${name}=`) === 'yes'
}

/** Numbers and mailboxes, with commas between. Queries write a space as `+`, and these have `+` alone. */
export function listIn(text: string | undefined): readonly string[] {
  const items = (text ?? '').split(',').map((item) => item.replaceAll(' ', '+'))
  return items.filter((item) => item !== '')
}

/** Where principals are reached, by id in base64url: `ID:WHERE,ID:WHERE`. @throws {UsageError} */
export function peersIn(text: string | undefined): Readonly<Record<string, string>> {
  const pairs = listIn(text).map((item): readonly [string, string] => {
    const at = item.indexOf(':')
    const where = item.slice(at + 1)
    if (at < 1 || where === '') throw new UsageError(`peers= is ID:WHERE, not '${item}'`)
    const id = item.slice(0, at)
    fullId(id, 'id of a principal in peers=')
    return [id, where]
  })
  return Object.fromEntries(pairs)
}
