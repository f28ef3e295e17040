// SPDX-License-Identifier: Apache-2.0
/**
 * Asking for some of the links of a server (RFC 6690 Section 4.1).
 *
 * @module
 */

import type { Link } from './link-format.js'

/** Attributes whose value is a list between blanks; each of its parts is compared. */
const LISTS: ReadonlySet<string> = new Set(['rt', 'if', 'rel', 'rev', 'ct'])

/**
 * The links that all arguments of a query leave: `rt=light`, `href=/sensors/*` with an asterisk for any
 * end, or a name alone for links that have such an attribute.
 */
export function filterLinks(links: readonly Link[], query: readonly string[]): readonly Link[] {
  const tests = query.map(linkTest)
  return links.filter((link) => tests.every((test) => test(link)))
}

function linkTest(argument: string): (link: Link) => boolean {
  const equals = argument.indexOf('=')
  const name = equals === -1 ? argument : argument.slice(0, equals)
  const pattern = equals === -1 ? '*' : argument.slice(equals + 1)
  return (link) => valuesOf(link, name).some((value) => matches(value, pattern))
}

function valuesOf({ href, attributes }: Link, name: string): readonly string[] {
  if (name === 'href') return [href]
  const value = Object.hasOwn(attributes, name) ? attributes[name] : undefined
  if (value === undefined) return []
  if (value === true) return ['']
  return LISTS.has(name) ? [value, ...value.split(' ')] : [value]
}

function matches(value: string, pattern: string): boolean {
  return pattern.endsWith('*') ? value.startsWith(pattern.slice(0, -1)) : value === pattern
}
