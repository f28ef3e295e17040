// SPDX-License-Identifier: Apache-2.0
/**
 * The promise of delivery through many outages, over each broker: what the tests of transports try with
 * a few of them.
 *
 * @module
 */

import { ProxiedEndpoints } from '@waxwing/testkit'
import { runOutages, type OutagePlan, type OutageReport } from '@waxwing/testkit/outages'
import { COURSES, type Course } from './broker-courses.ts'

/** Runs the plan over each broker, one after the other. @returns The reports by name. */
export async function runAllOutages(
  plan: OutagePlan,
): Promise<Readonly<Record<string, OutageReport>>> {
  const reports: Record<string, OutageReport> = {}
  for (const [name, course] of Object.entries(COURSES)) {
    plan.progress?.(name)
    reports[name] = await runOne(course, plan)
  }
  return reports
}

async function runOne(course: Course, plan: OutagePlan): Promise<OutageReport> {
  const server = await course.serve()
  const endpoints = new ProxiedEndpoints(server.port, (port, session = 'nobody') =>
    course.open(port, session),
  )
  try {
    const net = {
      open: endpoints.open,
      cut: endpoints.interrupt,
      stop: () => server.stop(),
      start: () => server.start(),
    }
    return await runOutages(net, plan)
  } finally {
    await endpoints.close()
    await server.close()
  }
}
