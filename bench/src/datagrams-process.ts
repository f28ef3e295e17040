// SPDX-License-Identifier: Apache-2.0
/**
 * Takes any datagrams in a process of its own, whose memory is that of nothing else.
 *
 * @module
 */

import { runAnyDatagrams } from './datagrams.ts'
import { serve } from './worker.ts'

serve({ run: runAnyDatagrams })
