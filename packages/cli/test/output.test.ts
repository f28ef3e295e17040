// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { WaxwingError } from '@waxwing/core'
import { exitCodesPage, UsageError } from '../src/exit-codes.js'
import { Output, printable } from '../src/output.js'

class Sink {
  text = ''
  readonly isTTY: boolean

  constructor(isTTY = false) {
    this.isTTY = isTTY
  }

  write(text: string | Uint8Array): void {
    this.text += typeof text === 'string' ? text : new TextDecoder().decode(text)
  }
}

function outputs(options: { json?: boolean; quiet?: boolean; isTTY?: boolean } = {}): {
  output: Output
  stdout: Sink
  stderr: Sink
} {
  const { json = false, quiet = false, isTTY = false } = options
  const [stdout, stderr] = [new Sink(isTTY), new Sink(isTTY)]
  return { output: new Output({ json, quiet, stdout, stderr }), stdout, stderr }
}

describe('output', () => {
  it('prints results for people on standard output, hints on standard error', () => {
    const { output, stdout, stderr } = outputs()
    output.result({ name: 'x' }, ['one', 'two'])
    output.next('do this', 'or that')
    expect(stdout.text).toBe('one\ntwo\n')
    expect(stderr.text).toBe('Next: do this\n      or that\n')
  })

  it('gives hints for the home that was typed, and none for the homes of others', () => {
    const stderr = new Sink()
    const output = new Output({ json: false, quiet: false, home: 'h', stdout: stderr, stderr })
    output.next('waxwing id show', 'there: waxwing id admit')
    expect(stderr.text).toBe('Next: waxwing --home h id show\n      there: waxwing id admit\n')
  })

  it('prints one JSON object a line for programs, and no hints', () => {
    const { output, stdout, stderr } = outputs({ json: true })
    output.result({ name: 'a\nb', none: undefined }, 'text')
    output.result({ n: 1 }, 'text')
    output.next('do this')
    expect(
      stdout.text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([{ name: 'a\nb' }, { n: 1 }])
    expect(stderr.text).toBe('')
  })

  it('lets nobody move the cursor, turn text around or forge a line', () => {
    expect(printable('\u001B[2Jfine\r\n')).toBe('\\u{1b}[2Jfine\\u{d}\\n')
    expect(printable('a\u202Ecod.exe')).toBe('a\\u{202e}cod.exe')
    expect(printable('Größe 21.5 °C ✓ 温度')).toBe('Größe 21.5 °C ✓ 温度')
    const { output, stdout } = outputs()
    output.result({}, 'name: evil\nwaxwing: all is well')
    expect(stdout.text).toBe('name: evil\\nwaxwing: all is well\n')
  })

  it('is quiet where it is told to be, but never about what went wrong', () => {
    const { output, stderr } = outputs({ quiet: true })
    output.note('progress')
    output.next('hint')
    output.warn('careful')
    expect(stderr.text).toBe('careful\n')
  })

  it('tells a failure with its code, a hint and the exit status', () => {
    const { output, stderr } = outputs()
    const error = new WaxwingError('ERR_KEY_UNKNOWN', 'nobody is called x')
    expect(output.failure(error, 'see trust list')).toBe(5)
    expect(stderr.text).toBe('waxwing: nobody is called x (ERR_KEY_UNKNOWN)\nsee trust list\n')
  })

  it('tells a failure to programs as one JSON line on standard error', () => {
    const { output, stdout, stderr } = outputs({ json: true })
    expect(output.failure(new WaxwingError('ERR_TIMEOUT', 'late'))).toBe(8)
    expect(JSON.parse(stderr.text)).toEqual({ error: 'ERR_TIMEOUT', message: 'late', exit: 8 })
    expect(stdout.text).toBe('')
  })

  it.each([
    [new UsageError('x'), 'ERR_USAGE', 2],
    [Object.assign(new Error('no file'), { code: 'ENOENT' }), 'ERR_FILE', 2],
    [new TypeError('a bug'), 'ERR_INTERNAL', 1],
  ])('tells programs a code that stands in the reference: %s', (error, code, exit) => {
    const { output, stderr } = outputs({ json: true })
    expect(output.failure(error)).toBe(exit)
    expect(JSON.parse(stderr.text)).toMatchObject({ error: code, exit })
    expect(exitCodesPage()).toContain(`\`${code}\``)
  })

  it('shows progress only where somebody looks, and takes it away before the next line', () => {
    const blind = outputs()
    blind.output.progress('archive', 0.5)
    expect(blind.stderr.text).toBe('')
    const seen = outputs({ isTTY: true })
    seen.output.progress('archive', 0.5)
    seen.output.result({}, 'a message')
    const [bar, gone] = ['█'.repeat(12) + '░'.repeat(12), '\u001B[K']
    expect(seen.stderr.text).toBe(`\r${bar}  50 %  archive${gone}\r${gone}`)
  })
})
