// SPDX-License-Identifier: Apache-2.0
/**
 * Rules: what is granted to a role, a unit or a principal without asking anybody. A role has no key:
 * a rule is applied to each principal that asks (`docs/spec/07-granting.md` Section 7.3.4).
 *
 * @module
 */

import {
  isNamePattern,
  MapFields,
  matchesName,
  toBase64Url,
  type CborValue,
  type Rights,
  type TrustedPrincipal,
} from '@waxwing/core'
import type { Runtime } from '../runtime.js'
import { Table } from '../table.js'
import { assertLease, type FixedTerms } from './terms.js'

export interface Rule {
  /** Chosen by the application: letters, digits and `.-_`, at most 64. */
  readonly id: string
  /** Pattern of the stream names. */
  readonly streams: string
  readonly to:
    { readonly role: string } | { readonly unit: string } | { readonly principal: string }
  /**
   * Whose roles and units are meant: a domain id in base64url. Default: our own domain, because what
   * a partner calls its people binds nobody here.
   */
  readonly domain?: string
  /** How far back each grant reaches, from when it is asked for. Default 0. */
  readonly historySeconds?: number
  /** Default: no end. */
  readonly leaseSeconds?: number
  readonly rights?: Rights
}

const RULE_ID = /^[\w.-]{1,64}$/

export class Rules {
  readonly #runtime: Runtime
  readonly #table: Table<Rule>
  #rules = new Map<string, Rule>()

  constructor(runtime: Runtime) {
    this.#runtime = runtime
    this.#table = new Table(runtime.store, 'rule', { toCbor: ruleToCbor, fromCbor: ruleFromCbor })
  }

  async load(): Promise<void> {
    const entries = await this.#table.scan()
    this.#rules = new Map(entries.map(({ key, record }) => [key, record]))
  }

  all(): readonly Rule[] {
    return [...this.#rules.values()]
  }

  /**
   * Adds a rule, or replaces the one with its id.
   *
   * @throws {TypeError} If its id or pattern is none, or it names neither role, unit nor principal.
   * @throws {RangeError} If a number of seconds is no whole number, or a lease is none.
   */
  async set(rule: Rule): Promise<void> {
    checkRule(rule)
    await this.#runtime.store.write([this.#table.put(rule.id, rule)])
    this.#rules.set(rule.id, rule)
  }

  async remove(id: string): Promise<boolean> {
    if (!this.#rules.has(id)) return false
    await this.#runtime.store.write([this.#table.delete(id)])
    return this.#rules.delete(id)
  }

  /** The terms of the first rule, in the order of their ids, that allows a principal a stream. */
  standingFor(
    stream: string,
    principal: TrustedPrincipal,
    inputs: { now: number; ownDomain: Uint8Array | null; rights: Rights },
  ): { readonly terms: FixedTerms; readonly rule: string } | undefined {
    const { now, ownDomain, rights: asked } = inputs
    for (const rule of this.all().toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
      const { id, historySeconds = 0, leaseSeconds = null, rights = 'read' } = rule
      if (asked === 'share' && rights !== 'share') continue
      if (!matchesName(rule.streams, stream) || !appliesTo(rule, principal, ownDomain)) continue
      const from = Math.max(0, now - historySeconds)
      return { terms: { from, until: null, leaseSeconds, rights, depth: null }, rule: id }
    }
    return undefined
  }
}

function checkRule({ id, streams, to, historySeconds = 0, leaseSeconds = 1 }: Rule): void {
  if (!RULE_ID.test(id)) throw new TypeError('id must be letters, digits, . - _, at most 64')
  if (!isNamePattern(streams)) throw new TypeError('streams must be a name pattern')
  const [kind = '', name] = Object.entries(to)[0] ?? []
  if (!['role', 'unit', 'principal'].includes(kind) || typeof name !== 'string' || name === '') {
    throw new TypeError('to must name a role, a unit or a principal')
  }
  if (!Number.isSafeInteger(historySeconds) || historySeconds < 0) {
    throw new RangeError(`historySeconds must be a whole number, got ${historySeconds}`)
  }
  assertLease(leaseSeconds)
}

function appliesTo(rule: Rule, principal: TrustedPrincipal, ownDomain: Uint8Array | null): boolean {
  const { to } = rule
  if ('principal' in to) return toBase64Url(principal.id) === to.principal
  if (principal.domainId === null) return false
  const domain = rule.domain ?? (ownDomain === null ? undefined : toBase64Url(ownDomain))
  if (toBase64Url(principal.domainId) !== domain) return false
  return 'role' in to ? principal.roles.includes(to.role) : principal.unit === to.unit
}

function ruleToCbor(rule: Rule): CborValue {
  const [kind, name] = Object.entries(rule.to)[0] ?? ['principal', '']
  return new Map<number, CborValue>([
    [1, rule.id],
    [2, rule.streams],
    [3, kind],
    [4, name],
    [5, rule.historySeconds ?? null],
    [6, rule.leaseSeconds ?? null],
    [7, rule.rights ?? 'read'],
    [8, rule.domain ?? null],
  ])
}

function ruleFromCbor(value: CborValue): Rule {
  const map = new MapFields('rule record', value)
  const kind = map.text(3, 'kind')
  const name = map.text(4, 'name')
  const history = map.uintOrNull(5, 'history')
  const lease = map.uintOrNull(6, 'lease')
  const domain = map.textOrNull(8, 'domain')
  return {
    id: map.text(1, 'id'),
    streams: map.text(2, 'streams'),
    to: kind === 'role' ? { role: name } : kind === 'unit' ? { unit: name } : { principal: name },
    ...(domain === null ? {} : { domain }),
    ...(history === null ? {} : { historySeconds: history }),
    ...(lease === null ? {} : { leaseSeconds: lease }),
    rights: map.text(7, 'rights') === 'share' ? 'share' : 'read',
  }
}
