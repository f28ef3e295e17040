// SPDX-License-Identifier: Apache-2.0
import { describeContract } from './describe-contract.js'

describeContract(['delivery', 'credit', 'interruption', 'restart'])
