// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import {
  forwardProxy,
  type ForwardProxyOptions,
  METHOD,
  OPTION,
  textOption,
  uintOption,
} from '../../src/index.js'
import { proxyUri, recorder, requestOf, textOf } from './exchanges.js'
import { TARGET, codeFor, content, proxyBefore, texts } from './forwarded.js'

describe('a forward proxy', () => {
  it('asks whom Proxy-Uri names, with the options that the URI becomes', async () => {
    const { origin, proxy } = proxyBefore(content)
    const response = await proxy(requestOf(proxyUri('coap://sensor.example:61616/a%2Fb/c?d&e')))
    expect(textOf(response)).toBe('on')
    const [asked] = origin.asked
    expect(asked?.peer).toEqual({ address: '192.0.2.9', port: 61_616 })
    const options = asked?.options ?? []
    expect(texts(options, OPTION.uriHost)).toEqual(['sensor.example'])
    expect(texts(options, OPTION.uriPath)).toEqual(['a/b', 'c'])
    expect(texts(options, OPTION.uriQuery)).toEqual(['d', 'e'])
    expect(options.some(({ number }) => number === OPTION.proxyUri)).toBe(false)
  })

  it('puts the URI together from Proxy-Scheme and the Uri options', async () => {
    const { origin, proxy } = proxyBefore(content)
    await proxy(
      requestOf([
        textOption(OPTION.uriHost, '[2001:db8::9]'),
        uintOption(OPTION.uriPort, 61_616),
        textOption(OPTION.uriPath, 'light'),
        textOption(OPTION.proxyScheme, 'coap'),
      ]),
    )
    expect(origin.asked[0]?.peer).toEqual({ address: '2001:db8::9', port: 61_616 })
    const numbers = origin.asked[0]?.options.map(({ number }) => number)
    expect(numbers).toEqual([OPTION.uriPath, OPTION.hopLimit])
  })

  it('takes the port of the scheme where a proxied request names none', async () => {
    const { origin, proxy } = proxyBefore(content)
    const host = textOption(OPTION.uriHost, '192.0.2.9')
    await proxy(requestOf([host, textOption(OPTION.proxyScheme, 'coap')]))
    expect(origin.asked[0]?.peer.port).toBe(5683)
  })

  it('passes on what is safe to forward, known or not, in its order, with the payload', async () => {
    const { origin, proxy } = proxyBefore(content)
    const safe = [9, 12, 17, 2048, 2049, 60, 252, 292].map((number, index) => ({
      number,
      value: Uint8Array.of(index),
    }))
    const payload = Uint8Array.of(1, 2, 3)
    const code = METHOD.POST
    await proxy(requestOf([...proxyUri('coap://192.0.2.9'), ...safe], { payload, code }))
    const [asked] = origin.asked
    expect(asked?.options).toEqual([...safe, uintOption(OPTION.hopLimit, 16)])
    expect(asked?.payload).toBe(payload)
    expect(asked?.code).toBe(METHOD.POST)
  })

  it('refuses what is unsafe to forward, or comes twice, without asking anybody', async () => {
    const { origin, proxy } = proxyBefore(content)
    for (const number of [2, 27, 65_003]) {
      const option = { number, value: new Uint8Array(0) }
      expect(await codeFor(proxy, [...proxyUri(TARGET), option])).toBe('4.02')
    }
    for (const number of [OPTION.observe, OPTION.maxAge]) {
      const twice = [uintOption(number, 9), uintOption(number, 9)]
      expect(await codeFor(proxy, [...proxyUri(TARGET), ...twice])).toBe('4.02')
    }
    expect(await codeFor(proxy, [...proxyUri(TARGET), ...proxyUri(TARGET)])).toBe('4.02')
    expect(origin.asked).toHaveLength(0)
  })

  it.each([
    ['http://192.0.2.9/', '5.05'],
    ['coaps://192.0.2.9/', '5.05'],
    ['coap://192.0.2.9/#part', '4.02'],
    ['coap://user@192.0.2.9/', '4.02'],
    ['coap:192.0.2.9', '4.02'],
    ['', '4.02'],
  ])('answers "%s" with %s', async (uri, expected) => {
    const { origin, proxy } = proxyBefore(content)
    expect(await codeFor(proxy, proxyUri(uri))).toBe(expected)
    expect(origin.asked).toHaveLength(0)
  })

  it('refuses options that no message holds beside its own', async () => {
    const { origin, proxy } = proxyBefore(content)
    const long = { number: OPTION.echo, value: new Uint8Array(1100) }
    expect(await codeFor(proxy, [...proxyUri(TARGET), long])).toBe('4.00')
    expect(origin.asked).toHaveLength(0)
  })

  it('refuses other schemes, and dot segments that no URI has', async () => {
    const { proxy } = proxyBefore(content)
    const host = textOption(OPTION.uriHost, '192.0.2.9')
    expect(await codeFor(proxy, [host, textOption(OPTION.proxyScheme, 'http')])).toBe('5.05')
    const dots = textOption(OPTION.uriPath, '..')
    const scheme = textOption(OPTION.proxyScheme, 'coap')
    expect(await codeFor(proxy, [host, dots, scheme])).toBe('4.02')
  })
})

describe('the targets of a forward proxy', () => {
  it('are those that are listed, by host or by host and port, and no others', async () => {
    const { origin, proxy } = proxyBefore(content)
    expect(await codeFor(proxy, proxyUri('coap://192.0.2.10/'))).toBe('5.05')
    expect(await codeFor(proxy, proxyUri('coap://[2001:db8::9]/'))).toBe('5.05')
    expect(await codeFor(proxy, proxyUri('coap://SENSOR.example/'))).toBe('2.05')
    expect(await codeFor(proxy, proxyUri('coap://[2001:db8::9]:61616/'))).toBe('2.05')
    expect(origin.asked).toHaveLength(2)
  })

  it('are not looked up unless they are listed', async () => {
    const lookedUp: string[] = []
    const lookup = async (host: string): Promise<string> => {
      lookedUp.push(host)
      return '192.0.2.9'
    }
    const { proxy } = proxyBefore(content, { lookup })
    expect(await codeFor(proxy, proxyUri('coap://nobody.example/'))).toBe('5.05')
    expect(await codeFor(proxy, proxyUri('coap://sensor.example/'))).toBe('2.05')
    expect(lookedUp).toEqual(['sensor.example'])
  })

  it('may be all below a name, which are no others, and none of them an address', async () => {
    const allow = ['*.plant.example', '*.office.example:61616']
    const lookup = async (): Promise<string> => '192.0.2.9'
    const { proxy } = proxyBefore(content, { allow, lookup })
    const codes = async (...hosts: readonly string[]): Promise<readonly string[]> =>
      Promise.all(hosts.map((host) => codeFor(proxy, proxyUri(`coap://${host}/`))))
    const below = await codes('a.plant.example', 'b.A.plant.EXAMPLE', 'a.office.example:61616')
    expect(below).toEqual(['2.05', '2.05', '2.05'])
    const beside = await codes(
      'plant.example',
      'a.implant.example',
      'a.office.example',
      '192.0.2.9',
    )
    expect(beside).toEqual(['5.05', '5.05', '5.05', '5.05'])
    const { proxy: open } = proxyBefore(content, { allow: ['*:61616'], lookup })
    expect(await codeFor(open, proxyUri('coap://[2001:db8::9]:61616'))).toBe('2.05')
    expect(await codeFor(open, proxyUri('coap://a.example:61616'))).toBe('2.05')
    expect(await codeFor(open, proxyUri('coap://a.example'))).toBe('5.05')
  })

  it('may be decided by a function that sees address and requester', async () => {
    const seen: unknown[] = []
    const allow: ForwardProxyOptions['allow'] = (target, requester) => {
      seen.push(target, requester?.address)
      return false
    }
    const { proxy } = proxyBefore(content, { allow })
    expect(await codeFor(proxy, proxyUri('coap://sensor.example/'))).toBe('5.05')
    const target = { host: 'sensor.example', port: 5683, address: '192.0.2.9' }
    expect(seen).toEqual([target, '192.0.2.1'])
  })

  it.each([
    '224.0.1.187',
    '255.255.255.255',
    '0.0.0.0',
    '[ff02::fd]',
    '[::]',
    '[::ffff:224.0.1.187]',
    '[::ffff:e000:1bb]',
    '[::ffff:0:0]',
    '[::0.0.0.0]',
    '[::%25lo]',
    '[ff02::1%25eth0]',
  ])('are never a group: %s', async (host) => {
    const { origin, proxy } = proxyBefore(content, { allow: () => true })
    expect(await codeFor(proxy, proxyUri(`coap://${host}/`))).toBe('5.05')
    expect(origin.asked).toHaveLength(0)
  })

  it.each([
    ['[::ffff:127.0.0.1]', '127.0.0.1'],
    ['[::ffff:7f00:1]', '127.0.0.1'],
    ['[0:0:0:0:0:0:0:1]', '::1'],
    ['[::1%25lo]', '::1'],
    ['[2001:DB8:0::9]', '2001:db8::9'],
    ['[fe80::0:1%25eth0]', 'fe80::1%eth0'],
    ['sensor.example', '127.0.0.1'],
  ])('are shown as what they are, however they are written: %s', async (host, address) => {
    const seen: string[] = []
    const allow: ForwardProxyOptions['allow'] = (target) => {
      seen.push(target.address)
      return true
    }
    const { origin, proxy } = proxyBefore(content, { allow, lookup: async () => '::ffff:7f00:1' })
    expect(await codeFor(proxy, proxyUri(`coap://${host}/`))).toBe('2.05')
    expect(seen).toEqual([address])
    expect(origin.asked[0]?.peer.address).toBe(address)
  })

  it('are in the list however they are written', async () => {
    const { proxy } = proxyBefore(content, { allow: ['[2001:DB8:0::9]', '192.0.2.9:5683'] })
    expect(await codeFor(proxy, proxyUri('coap://[2001:db8:0:0:0::9]/'))).toBe('2.05')
    expect(await codeFor(proxy, proxyUri('coap://[::ffff:192.0.2.9]/'))).toBe('2.05')
    expect(await codeFor(proxy, proxyUri('coap://[2001:db8::8]/'))).toBe('5.05')
  })

  it('have an address, else the answer is 5.02', async () => {
    const { proxy } = proxyBefore(content, { allow: () => true })
    expect(await codeFor(proxy, proxyUri('coap://nobody.example/'))).toBe('5.02')
  })

  it('are not the proxy itself: that answers such requests as if they were direct', async () => {
    const local = recorder(content)
    const names = ['proxy.example', '192.0.2.3:5683']
    const { origin, proxy } = proxyBefore(content, { local: local.handler, names })
    await proxy(requestOf(proxyUri('coap://proxy.example/status')))
    await proxy(requestOf(proxyUri('coap://192.0.2.3/status')))
    await proxy(requestOf([textOption(OPTION.uriPath, 'status')]))
    expect(origin.asked).toHaveLength(0)
    for (const { options } of local.asked) {
      expect(texts(options, OPTION.uriPath)).toEqual(['status'])
      expect(options.some(({ number }) => number === OPTION.proxyUri)).toBe(false)
    }
    expect(local.asked).toHaveLength(3)
    expect(await codeFor(proxyBefore(content).proxy, [])).toBe('4.04')
  })
})

describe('the arguments of a forward proxy', () => {
  it('must not have a name with blanks, which would be two', () => {
    const network = content
    expect(() => forwardProxy({ network, allow: [], name: 'a b' })).toThrow(RangeError)
  })

  it('must say whom it may ask', () => {
    for (const allow of [undefined, 'sensor.example'] as unknown as string[][]) {
      expect(() => forwardProxy({ network: content, allow })).toThrow(/^allow must be/)
    }
  })
})
