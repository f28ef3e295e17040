// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { checkLayers } from '../check-layers.ts'

const roots: string[] = []
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true })
})

type Files = Readonly<Record<string, string>>

/** What every small repository of these tests has: nothing in it is wrong. */
const SOUND: Files = {
  'core/src/index.ts': "export * from './clock.js'\nexport * from './cbor/cbor.js'",
  'core/src/clock.ts': 'export const now = (): number => Date.now()',
  'core/src/cbor/cbor.ts': "import { now } from '../clock.js'\nexport const then = now",
  'core/src/node.ts': "import { randomBytes } from 'node:crypto'\nexport { randomBytes }",
  'core/src/pure.ts': 'export const draw = () => crypto.getRandomValues(new Uint8Array(1))',
  'client/src/index.ts': "import { now } from '@waxwing/core'\nexport { now }",
  'mqtt/src/index.ts': "import type { now } from '@waxwing/core'\nimport 'mqtt'\nimport 'node:net'",
}

const EXPORTS = { core: ['.', './node', './pure'], client: ['.'], mqtt: ['.'] }
const DEPENDENCIES = { core: [], client: ['core'], mqtt: ['core', 'client', 'mqtt'] }

function problemsWith(planted: Files): string[] {
  const root = mkdtempSync(join(tmpdir(), 'layers-'))
  roots.push(root)
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  for (const name of ['core', 'client', 'mqtt'] as const) {
    const own = DEPENDENCIES[name].filter((dependency) => dependency !== 'mqtt')
    const entries = EXPORTS[name].map((entry) => [entry, './dist/x.js'])
    const dependencies = DEPENDENCIES[name].map((dependency) =>
      dependency === 'mqtt' ? ['mqtt', '5.0.0'] : [`@waxwing/${dependency}`, '0.1.0'],
    )
    const manifest = {
      name: `@waxwing/${name}`,
      exports: Object.fromEntries(entries) as object,
      dependencies: Object.fromEntries(dependencies) as object,
    }
    const references = own.map((dependency) => ({ path: `../${dependency}` }))
    write(`packages/${name}/package.json`, JSON.stringify(manifest))
    write(`packages/${name}/tsconfig.json`, JSON.stringify({ references }))
  }
  const references = ['core', 'client', 'mqtt'].map((name) => ({ path: `packages/${name}` }))
  write('package.json', '{ "devDependencies": { "vitest": "5.1.1" } }')
  write('tsconfig.packages.json', JSON.stringify({ references }))
  const files = { ...SOUND, ...planted }
  for (const [path, text] of Object.entries(files)) write(`packages/${path}`, text)
  return checkLayers(root)
}

describe('check-layers', () => {
  it('finds nothing in a sound repository', () => {
    expect(problemsWith({})).toEqual([])
  })

  it.each<[string, string, string, string]>([
    [
      'an import that points up',
      'core/src/cbor/cbor.ts',
      "export * from '@waxwing/client'",
      'packages/core/src/cbor/cbor.ts:1: @waxwing/client is not among the dependencies of core',
    ],
    [
      'an import of what a transport must not know, even where it is declared',
      'mqtt/src/index.ts',
      "import type { now } from '@waxwing/client'",
      'packages/mqtt/src/index.ts:1: mqtt must not import client',
    ],
    [
      'a dynamic import of a sibling',
      'client/src/index.ts',
      "export const load = () => import('@waxwing/store-sqlite')",
      'packages/client/src/index.ts:1: @waxwing/store-sqlite is not among the dependencies of client',
    ],
    [
      'an import past the exports',
      'client/src/index.ts',
      "export * from '@waxwing/core/dist/cbor/cbor.js'",
      'packages/client/src/index.ts:1: core does not export "./dist/cbor/cbor.js"',
    ],
    [
      'a relative path into another package',
      'client/src/index.ts',
      "export * from '../../core/src/index.js'",
      'packages/client/src/index.ts:1: "../../core/src/index.js" leaves the sources of client',
    ],
    [
      'a library that is not declared',
      'core/src/cbor/cbor.ts',
      "export * from '@noble/hashes/sha2.js'",
      'packages/core/src/cbor/cbor.ts:1: @noble/hashes is not among the dependencies of core',
    ],
    [
      'a development dependency of the root in a package that is published',
      'client/src/index.ts',
      "export * from 'vitest'",
      'packages/client/src/index.ts:1: vitest is not among the dependencies of client',
    ],
    [
      'Node in a portable file of core',
      'core/src/cbor/cbor.ts',
      "\nimport { hash } from 'crypto'\nexport { hash }",
      'packages/core/src/cbor/cbor.ts:2: "crypto" runs on Node alone',
    ],
    [
      'Node in the client',
      'client/src/index.ts',
      "import type { Socket } from 'node:net'",
      'packages/client/src/index.ts:1: "node:net" runs on Node alone',
    ],
    [
      'an entry for Node behind the main entry',
      'core/src/cbor/cbor.ts',
      "export * from '../node.js'",
      'packages/core/src/node.ts:1: "node:crypto" runs on Node alone',
    ],
  ])('finds %s', (_, path, text, problem) => {
    expect(problemsWith({ [path]: text })).toEqual([problem])
  })

  it.each([
    ['Date.now()', 'Date.now'],
    ['globalThis.Date.now()', 'Date.now'],
    ['new Date()', 'new Date()'],
    ['Date()', 'new Date()'],
    ['Math.random()', 'Math.random'],
    ['performance.now()', 'performance'],
    ['globalThis.performance', 'performance'],
    ['crypto.getRandomValues(new Uint8Array(1))', 'getRandomValues'],
    ['globalThis.crypto.randomUUID()', 'randomUUID'],
    ['setTimeout(String)', 'setTimeout'],
    ['process.env', 'process'],
    ['Buffer.alloc(1)', 'Buffer'],
    ['({ fetch })', 'fetch'],
  ])('finds %s in core', (expression, name) => {
    const problems = problemsWith({ 'core/src/cbor/cbor.ts': `export const x = ${expression}` })
    expect(problems).toEqual([`packages/core/src/cbor/cbor.ts:1: ${name}: take it as an argument`])
  })

  it('does not take comments, types, members or given dates for the clock', () => {
    const text = [
      '// Date.now()',
      'export interface Timed { readonly process: Date; setTimeout(): void }',
      'export const at = (ms: number) => new Date(ms)',
      'export const run = (timed: Timed) => timed.process',
      "export const words = { fetch: 'Math.random()' }",
    ]
    expect(problemsWith({ 'core/src/cbor/cbor.ts': text.join('\n') })).toEqual([])
  })

  it('finds a cycle of files', () => {
    const problems = problemsWith({
      'client/src/a.ts': "export * from './b.js'",
      'client/src/b.ts': "import type { x } from './a.js'",
    })
    expect(problems).toContain(
      'packages/client: import cycle: packages/client/src/a.ts -> packages/client/src/b.ts -> packages/client/src/a.ts',
    )
  })

  it('finds a cycle of folders whose files have none', () => {
    const problems = problemsWith({
      'core/src/cbor/other.ts': "export * from '../cose/sign1.js'",
      'core/src/cose/sign1.ts': "export * from '../cbor/cbor.js'",
    })
    expect(problems).toEqual(['packages/core: import cycle: cbor -> cose -> cbor'])
  })

  it('finds build references that differ from the dependencies', () => {
    expect(problemsWith({ 'mqtt/tsconfig.json': '{ "references": [] }' })).toEqual([
      'packages/mqtt/tsconfig.json: references must be the dependencies: core, client',
    ])
  })

  it('finds a package without a layer', () => {
    expect(problemsWith({ 'stray/package.json': '{ "name": "@waxwing/stray" }' })).toEqual([
      'packages/stray: give it a layer in tools/layers.ts',
    ])
  })
})
