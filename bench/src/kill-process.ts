// SPDX-License-Identifier: Apache-2.0
/**
 * The reader that gets killed: it takes one message at a time, and writes each down durably before
 * and after it acknowledges it.
 *
 * @module
 */

import { fsyncSync, openSync, writeSync } from 'node:fs'
import { openEndpoint } from '@waxwing/client'
import { mqttTransport } from '@waxwing/mqtt'
import { sqliteStore } from '@waxwing/store-sqlite'
import { formatEntry, type LogEntry } from './receipt-log.ts'
import { serve } from './worker.ts'

export interface KillReaderSetup {
  readonly url: string
  readonly filter: string
  readonly storePath: string
  readonly storeKey: Uint8Array
  readonly logPath: string
}

async function read({ url, filter, storePath, storeKey, logPath }: KillReaderSetup): Promise<void> {
  const file = openSync(logPath, 'a')
  const log = (entry: LogEntry): void => {
    writeSync(file, formatEntry(entry))
    fsyncSync(file)
  }
  log({ kind: 'start' })
  const store = sqliteStore(storePath, { key: { keyBytes: storeKey } })
  const transport = mqttTransport({ url, clientId: 'desk' })
  const desk = await openEndpoint({ store, transport })
  const reader = desk.reader(filter, { order: 'session' })
  void (async () => {
    for await (const message of reader) {
      if (message.kind !== 'message') continue
      const number = Number(message.text())
      log({ kind: 'handed-over', number, redelivered: message.redelivered })
      await message.acknowledge()
      log({ kind: 'acknowledged', number })
    }
  })()
}

serve({ read })
