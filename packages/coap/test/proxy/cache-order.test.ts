// SPDX-License-Identifier: Apache-2.0
/** Requests, changes and clients that give up, in any order, at a cache: nobody gets what is past. */
import { utf8 } from '@waxwing/core'
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  caching,
  type Handler,
  METHOD,
  OPTION,
  optionValues,
  RESPONSE,
  uintOption,
} from '../../src/index.js'
import { askFor, contentOf, etag, maxAge, textOf } from './exchanges.js'

interface Step {
  readonly isChange: boolean
  /** Of which of three representations. */
  readonly accept: number
  readonly givesUp: boolean
  /** Turns that pass before the next step. */
  readonly turns: number
}

const step: fc.Arbitrary<Step> = fc.record({
  isChange: fc.nat(4).map((one) => one === 0),
  accept: fc.nat(2),
  givesUp: fc.nat(3).map((one) => one === 0),
  turns: fc.nat(7),
})
/** How long the server takes, before and after it reads or changes its state. */
const delays = fc.infiniteStream(fc.nat(7))

async function pass(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await Promise.resolve()
}

/** Its state is how often it was changed. What is fresh for a second is so throughout a run. */
function countingServer(delay: () => number, isTagged: boolean): Handler {
  let state = 0
  return async (request) => {
    await pass(delay())
    if (request.code === METHOD.PUT) {
      const changed = { code: RESPONSE.changed, options: [], payload: utf8(String(++state)) }
      await pass(delay())
      return changed
    }
    const options = [maxAge(delay() % 2), ...(isTagged ? [etag(state)] : [])]
    const isValid = optionValues(request, OPTION.etag).some(([tag]) => tag === state)
    const code = isValid ? RESPONSE.valid : RESPONSE.content
    const response = isValid ? { code, options, payload: utf8('') } : contentOf(`${state}`, options)
    await pass(delay())
    return response
  }
}

it('what a cache answers is never older than a change that was done when it was asked', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 25 }),
      delays,
      fc.boolean(),
      async (steps, stream, isTagged) => {
        const delay = (): number => {
          const [turns = 0] = stream.take(1)
          return turns
        }
        const server = countingServer(delay, isTagged)
        const ask = caching({ maxEntries: 2, now: () => 0 }).layer(server)
        let done = 0
        const run = async ({ isChange, accept }: Step, signal: AbortSignal): Promise<void> => {
          if (isChange) {
            done = Math.max(done, Number(textOf(await ask(askFor('a', { code: METHOD.PUT })))))
            return
          }
          const least = done
          const options = [uintOption(OPTION.accept, accept)]
          const got = await ask(askFor('a', { options, signal })).catch(() => undefined)
          if (!signal.aborted) expect(Number(got && textOf(got))).toBeGreaterThanOrEqual(least)
        }
        const all: Promise<void>[] = []
        for (const one of steps) {
          const controller = new AbortController()
          all.push(run(one, controller.signal))
          await pass(one.turns)
          if (one.givesUp) controller.abort()
        }
        await Promise.all(all)
      },
    ),
    { numRuns: 1000 },
  )
})
