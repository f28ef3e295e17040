// SPDX-License-Identifier: Apache-2.0
/**
 * In which order files of tests are run: those that take longest begin first, so that no worker is left
 * alone with one of them at the end. Vitest knows that from the run before; in a fresh clone, which has
 * none, it would begin with the largest files, and the slowest of all have few lines.
 *
 * @module
 */

import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Half a minute and more, the slowest first. Others follow as Vitest has them. */
export const SLOW_TESTS: readonly string[] = [
  'packages/cli/test/transcripts/behaviour.test.ts',
  'packages/cli/test/transcripts/coap.test.ts',
  'packages/amqp/test/amqp-0-9-1/contract.test.ts',
  'packages/cli/test/transcripts/mishaps.test.ts',
  'packages/cli/test/mail/mail.test.ts',
  'packages/cli/test/transcripts/guide.test.ts',
  'bench/test/crashes/rounds.test.ts',
  'packages/amqp/test/amqp-1-0/contract-rabbitmq.test.ts',
  'packages/cli/test/transcripts/files.test.ts',
  'packages/mqtt/test/contract-mosquitto.test.ts',
  'packages/amqp/test/amqp-1-0/rabbitmq.test.ts',
  'packages/testkit/test/fixtures.test.ts',
  'packages/amqp/test/amqp-0-9-1/rabbitmq.test.ts',
  'bench/test/hostile/decoders.test.ts',
  'packages/email/test/contract-delivery.test.ts',
  'packages/core/test/twin/twin.test.ts',
  'packages/nats/test/contract.test.ts',
  'packages/email/test/postfix.test.ts',
  'packages/cli/test/mail/as-broker.test.ts',
  'packages/cli/test/mail/mailing-list.test.ts',
  'packages/client/test/granting/upstream-orders.test.ts',
  'packages/cli/test/lan/meter.test.ts',
]

/** Those of the list in its order, then the others in theirs. */
export function slowFirst<File extends { readonly moduleId: string }>(
  files: readonly File[],
): File[] {
  const rank = ({ moduleId }: File): number => {
    const place = SLOW_TESTS.findIndex((path) => moduleId.endsWith(`/${path}`))
    return place === -1 ? SLOW_TESTS.length : place
  }
  return files.toSorted((one, other) => rank(one) - rank(other))
}

export class SlowFirstSequencer extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- this sorts no array in place
    return slowFirst(await super.sort(files))
  }
}
