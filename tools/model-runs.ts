// SPDX-License-Identifier: Apache-2.0
/**
 * What is verified of the models in `docs/spec/model/`, as data: the runs in which a property must
 * hold, those in which a model is broken on purpose and SPIN must see it, and what is known to fail.
 *
 * @module
 */

/**
 * - `holds`: no run of the model breaks the property;
 * - `fails`: the model is broken, and a counterexample is found: the property says something;
 * - `open`: a counterexample to the protocol or the code as it is, told of in the README there.
 */
export type Expectation = 'holds' | 'fails' | 'open'

export interface ModelRun {
  /** The file, without `.pml`. */
  readonly model: string
  /** The LTL formula; the assertions of the model if there is none. */
  readonly property: string | undefined
  /** Whether it says that something happens at last, which takes fair processes. */
  readonly isLiveness: boolean
  readonly macros: readonly string[]
  readonly expected: Expectation
}

const LIVENESS = new Set('settled0 settled1 opened0 opened1 rotated not_stranded shared'.split(' '))

/** Several runs of one property, each with macros of its own: names, and values after a `=`. */
function runs(
  expected: Expectation,
  target: string,
  ...variants: readonly string[]
): readonly ModelRun[] {
  const [model = '', property] = target.split(' ')
  return variants.map((variant) => {
    const macros = variant.split(' ').filter((macro) => macro !== '')
    const isLiveness = property !== undefined && LIVENESS.has(property)
    return { model, property, isLiveness, macros, expected }
  })
}

/** Steps of the reader that are left out. */
const LEFT_OUT = [
  'NO_RETRY OBJECTS=1',
  'NO_ASKING_AFTER_RESTART OBJECTS=1',
  'DENIAL_ENDS_ASKING OBJECTS=1',
  'DRAIN_EARLY AUTHORITIES=1',
]
/** Steps of the verification of a chain, each left out once. */
const CHECKS = 'FIRST PARENT ISSUER GENERATION DEPTH SPAN END ENDED AUTHOR REVOKED'.split(' ')

export const MODEL_RUNS: readonly ModelRun[] = [
  ...runs('holds', 'asking kept', 'AUTHORITIES=1', 'OBJECTS=1'),
  ...runs('fails', 'asking kept', 'ACKNOWLEDGED_FIRST AUTHORITIES=1'),
  ...runs('fails', 'asking kept', 'PARKED_IN_MEMORY AUTHORITIES=1'),
  ...runs('holds', 'asking settled0', 'OBJECTS=1', 'AUTHORITIES=1'),
  ...runs('holds', 'asking settled1', 'OBJECTS=2'),
  ...runs('fails', 'asking settled0', ...LEFT_OUT),
  ...runs('open', 'asking settled0', 'ONLY_DELEGATE_KNOWN OBJECTS=1'),
  ...runs('holds', 'asking settled0', 'ONLY_DELEGATE_KNOWN TRIES_GO_ON OBJECTS=1'),

  ...runs('holds', 'chain', '', 'SKIP_RIGHTS'),
  ...runs('fails', 'chain', ...CHECKS.map((check) => `SKIP_${check}`)),
  ...runs('fails', 'chain never_accepted', 'REACHABLE'),

  ...runs('holds', 'nodes intact', ''),
  ...runs('fails', 'nodes intact', 'PROVE_ALL', 'OVERWRITE', 'REFUSE_FAILED'),
  ...runs('holds', 'nodes opened0', '', 'CANDIDATES=1', 'WRONG=1 CANDIDATES=2'),
  ...runs('holds', 'nodes opened1', ''),
  ...runs('fails', 'nodes opened0', 'NO_ASKING_AGAIN', 'COPY_ENDS_ASKING', 'FIRST_COME'),
  ...runs('holds', 'nodes opened0', 'GRANT_ENDS_ASKING'),

  ...runs('holds', 'revoking shut_out', '', 'DELEGATE'),
  ...runs('fails', 'revoking shut_out', 'STRUCK_LAST', 'LEDGER_IGNORED', 'SAME_ROOT'),
  ...runs('fails', 'revoking shut_out', 'SHARED_AT_ONCE DELEGATE'),
  ...runs('holds', 'revoking rotated', '', 'DELEGATE CRASHES=1'),
  ...runs('fails', 'revoking rotated', 'OWED_IN_MEMORY'),
  ...runs('holds', 'revoking not_stranded', ''),
  ...runs('fails', 'revoking not_stranded', 'NO_RETRY'),
  ...runs('holds', 'revoking shared', 'DELEGATE'),
  ...runs('fails', 'revoking shared', 'SENT_ONCE DELEGATE'),
  ...runs('holds', 'revoking closed', ''),
  ...runs('fails', 'revoking closed', 'NO_CLOSING'),
]
