// SPDX-License-Identifier: Apache-2.0
/** A property that fails has found its mutant; nobody wants to know the smallest case. */
import * as fc from 'fast-check'

fc.configureGlobal({ endOnFailure: true })
