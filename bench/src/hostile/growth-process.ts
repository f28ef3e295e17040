// SPDX-License-Identifier: Apache-2.0
/**
 * Measures growth in a process of its own, with the packages as they are: no counters in the way.
 *
 * @module
 */

import { serve } from '../worker.ts'
import { measureGrowth } from './growth.ts'

serve({ grow: measureGrowth })
