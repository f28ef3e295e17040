// SPDX-License-Identifier: Apache-2.0
/**
 * Keeps mutants out of what is only for people: the messages of errors, and the names of structures
 * that stand in them. Codes, fields and rules of errors are for programs, and stay in.
 *
 * @module
 */

/** The part of Babel's `NodePath` that is looked at. */
interface Path {
  readonly parent: {
    readonly callee?: { readonly name?: string }
    readonly id?: { readonly name?: string }
  }
  readonly listKey?: string
  readonly key: number | string | null
}

/** Of which calls which argument is text for people, whatever it is made of. */
const TEXT_ARGUMENTS: Readonly<Record<string, number>> = {
  WaxwingError: 1,
  Error: 0,
  RangeError: 0,
  TypeError: 0,
  ValidationError: 0,
  notTrusted: 0,
  notOurs: 0,
  malformed: 0,
  MapFields: 0,
  ArrayFields: 0,
  decodeCbor: 1,
  decodeSign1: 1,
  decodeEncrypt0: 1,
  parseCoseKey: 1,
  rightsFromCbor: 1,
  spanFromCbor: 1,
  linksFromCbor: 1,
  kidFromFields: 2,
  untag: 2,
}

/** @returns The reason, if no mutant is wanted here. */
function shouldIgnore({ parent, listKey, key }: Path): string | undefined {
  const isText = listKey === 'arguments' ? isTextArgument(parent, key) : isMessage(parent, key)
  return isText ? 'text for people' : undefined
}

function isTextArgument({ callee }: Path['parent'], key: Path['key']): boolean {
  const name = callee?.name ?? ''
  return Object.hasOwn(TEXT_ARGUMENTS, name) && TEXT_ARGUMENTS[name] === key
}

/** What is made of `const message`, which goes into an error. */
function isMessage({ id }: Path['parent'], key: Path['key']): boolean {
  return id?.name === 'message' && key === 'init'
}

interface IgnorePlugin {
  readonly kind: 'Ignore'
  readonly name: string
  readonly value: { readonly shouldIgnore: typeof shouldIgnore }
}

/** What Stryker looks for in a plugin. */
export const strykerPlugins: readonly [IgnorePlugin] = [
  { kind: 'Ignore', name: 'message-texts', value: { shouldIgnore } },
]
