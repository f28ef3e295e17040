// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { UsageError } from '../src/exit-codes.js'
import { buildProgram, everyCommand } from '../src/program.js'
import { commandsPage, pathOf } from './reference.js'
import {
  fullId,
  markIds,
  named,
  namePattern,
  oneOf,
  streamName,
  wholeNumber,
} from '../src/wishes.js'

const ID = '-R9iXetl9iEP559qYY5NWN2x5SHhDnQysphhpSJA8Xc'

describe('arguments', () => {
  it('are checked where they are typed', () => {
    expect(streamName('plant/1/temperature')).toBe('plant/1/temperature')
    expect(() => streamName('plant/#')).toThrow(UsageError)
    expect(namePattern('plant/+/x')).toBe('plant/+/x')
    expect(() => namePattern('plant/a#')).toThrow(UsageError)
    expect(wholeNumber('3', '--count')).toBe(3)
    expect(() => wholeNumber('0', '--count')).toThrow('--count is a whole number from 1 on')
    expect(() => wholeNumber('3.5', '--count')).toThrow(UsageError)
    expect(oneOf(['keep', 'forget'], 'keep', '--history')).toBe('keep')
    expect(() => oneOf(['keep', 'forget'], 'kept', '--history')).toThrow('keep or forget')
  })

  it('are ids of 43 letters and digits', () => {
    expect(fullId(ID)).toHaveLength(32)
    expect(() => fullId(ID.slice(1))).toThrow(UsageError)
  })

  it('that are ids and begin with a dash are not taken for options', () => {
    const options = new Set(['--json', '--stream', '--any-topic'])
    const marked = markIds(['grant', ID, '-aBc3_xY12Z0', '--stream', 'a/b', '-h', '-V'], options)
    expect(marked).toEqual(['grant', `id:${ID}`, 'id:-aBc3_xY12Z0', '--stream', 'a/b', '-h', '-V'])
    expect(marked.map(named)[1]).toBe(ID)
    expect(markIds(['--R9iXetl9iE', '--any-topic'], options)).toEqual([
      'id:--R9iXetl9iE',
      '--any-topic',
    ])
  })

  it('never look like an id where they are options that exist', () => {
    const options = everyCommand(buildProgram()).flatMap((command) => command.options)
    const flags = options
      .flatMap(({ long, short }) => [long, short])
      .filter((flag) => flag !== undefined)
    expect(flags.length).toBeGreaterThan(50)
    expect(markIds(flags, new Set(flags))).toEqual(flags)
  })
})

describe('help', () => {
  const leaves = everyCommand(buildProgram()).filter(({ commands }) => commands.length === 0)

  it.each(leaves.map((command) => [pathOf(command), command] as const))(
    '%s teaches: one sentence, an example and what comes next',
    (path, command) => {
      let help = ''
      command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp()
      expect(command.description()).toMatch(/^[a-z].*[^.]$/)
      expect(help).toMatch(/Examples?:\n {2}\$ .*waxwing /)
      expect(help).toContain('\nNext: ')
      expect(help, path).toContain(path.split(' ').at(-1))
    },
  )
})

describe('the reference', () => {
  it('of all commands is their help, written by `vitest -u`', async () => {
    await expect(commandsPage(buildProgram())).toMatchFileSnapshot(
      '../../../docs/reference/command-line.md',
    )
  })
})

describe('a name that is too long', () => {
  it('is told by its length and beginning, not repeated', () => {
    const long = 'plant/'.repeat(60)
    for (const check of [streamName, namePattern]) {
      expect(() => check(`${long}x`)).toThrow(/at most 255 bytes, and 'plant\/.{0,20}…' has 361/)
    }
  })
})
