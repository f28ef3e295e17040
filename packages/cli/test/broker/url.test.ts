// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { makeTransport, protocolOf } from '../../src/broker/broker.js'
import { groupIn } from '../../src/broker/mediums.js'
import { openBroker } from '../../src/broker/transports.js'
import { brokersText, checkedBroker, parseBroker } from '../../src/broker/url.js'
import { UsageError } from '../../src/exit-codes.js'
import { mailAccount, type MailAccount } from '../../src/broker/mail-account.js'

/** Nobody listens there: what begins to connect is closed again. */
const NOBODY = '127.0.0.1:1'

describe('the URL of a broker', () => {
  it.each([
    ['mqtt', 'MQTT 5'],
    ['mqtts', 'MQTT 5'],
    ['ws', 'MQTT 5'],
    ['wss', 'MQTT 5'],
    ['coap', 'CoAP'],
    ['amqp', 'AMQP 0-9-1'],
    ['amqps', 'AMQP 0-9-1'],
    ['amqp1', 'AMQP 1.0'],
    ['amqp1s', 'AMQP 1.0'],
    ['nats', 'NATS'],
    ['tls', 'NATS'],
    ['mails', 'e-mail'],
    ['mail', 'e-mail'],
    ['smpps', 'SMS'],
    ['smpp', 'SMS'],
    ['udp', 'UDP multicast'],
  ])('%s:// means %s', (scheme, protocol) => {
    const broker = checkedBroker(`${scheme}://host:1234`)
    expect(protocolOf({ broker })).toBe(protocol)
    expect(brokersText()).toMatch(new RegExp(`\\b${scheme}\\b`))
  })

  it('of MQTT means 3.1.1 where the settings say 4', () => {
    expect(protocolOf({ broker: 'mqtt://host', protocolVersion: 4 })).toBe('MQTT 3.1.1')
  })

  it.each(['host', 'http://host', 'amqp', '//host', '', 'mqtt:/'])('is none: %j', (text) => {
    const parse = (): unknown => parseBroker(text)
    if (text === 'mqtt:/') expect(parse).not.toThrow()
    else expect(parse).toThrow(UsageError)
  })

  it.each([
    'mqtt://u:p@host',
    'amqp://u@host',
    'nats://:p@host',
    'mails://anna@host',
    'smpp://u:p@host',
  ])('holds no user name and no password: %s', (text) =>
    expect(() => checkedBroker(text)).toThrow('WAXWING_BROKER_PASSWORD'),
  )

  it('has its settings in its query, and what is left is the address', () => {
    const url = parseBroker('amqp://host:5672/v?exchange=e&history=h#x')
    expect(url.address).toBe('amqp://host:5672/v')
    expect([...url.settings]).toEqual([
      ['exchange', 'e'],
      ['history', 'h'],
    ])
  })

  it.each([
    ['amqp://host?stream=x', 'history='],
    ['nats://host?exchange=x', 'replicas='],
    ['amqp1://host?history=x', 'nodes='],
    ['nats://host?constructor=x', 'stream='],
    ['mails://host?stmp=x', 'smtp='],
    ['smpp://host?number=x', 'source='],
    ['udp://239.1.2.3?iface=x', 'interface='],
  ])('with a setting that there is not names those that there are: %s', (text, known) => {
    expect(() => parseBroker(text)).toThrow(known)
  })

  it('of MQTT over WebSocket keeps its query, which belongs to the server', () => {
    expect(parseBroker('wss://host/path?token=x').address).toBe('wss://host/path?token=x')
  })
})

describe('the group of a URL', () => {
  it.each([
    ['udp://', {}],
    ['udp:///', {}],
    ['udp://239.255.1.2', { group: '239.255.1.2' }],
    ['udp://239.255.1.2:5000', { group: '239.255.1.2', port: 5000 }],
    ['udp://[ff02::4242]:5000/', { group: 'ff02::4242', port: 5000 }],
    ['udp://[ff02::4242%eth0]', { group: 'ff02::4242', interface: 'eth0' }],
    ['udp://[ff02::4242%25eth0.7]:5000', { group: 'ff02::4242', interface: 'eth0.7', port: 5000 }],
  ])('is taken apart: %s', (text, expected) => {
    expect(groupIn(parseBroker(checkedBroker(`${text}?interface=x`)))).toEqual(expected)
  })
})

describe('a mail account', () => {
  const account = (text: string, access: Parameters<typeof mailAccount>[1] = {}): MailAccount =>
    mailAccount(parseBroker(text), access)

  it('is at one server with TLS, unless something else is said', () => {
    expect(account('mails://h?from=a@x.org')).toMatchObject({
      from: 'a@x.org',
      folder: 'INBOX',
      imap: { url: 'imaps://h', username: 'a@x.org' },
      smtp: { url: 'smtps://h', username: 'a@x.org' },
    })
  })

  it.each([
    ['mails://h?from=a@x.org&smtp=s', 'smtps://s'],
    ['mails://h?from=a@x.org&smtp=s:465', 'smtps://s:465'],
    ['mails://h?from=a@x.org&smtp=s:587', 'smtp://s:587'],
    ['mails://h?from=a@x.org&smtp=smtp://s:99', 'smtp://s:99'],
    ['mail://h?from=a@x.org', 'smtp://h'],
    ['mail://h?from=a@x.org&smtp=s:465', 'smtps://s:465'],
  ])('hands mails in with TLS as the port says: %s', (text, url) => {
    expect(account(text).smtp.url).toBe(url)
  })

  it('has a user name and a password of its own where mails are handed in, or none', () => {
    const [password, smtpPassword] = [() => 'one', () => 'two']
    const access = { username: 'anna', password, smtpPassword }
    const { from, imap, smtp } = account('mails://h?from=a+b@x.org&smtp-user=bob', access)
    expect(from).toBe('a+b@x.org')
    expect(imap).toMatchObject({ username: 'anna', password })
    expect(smtp).toMatchObject({ username: 'bob', password: smtpPassword })
    expect(account('mail://h?from=a@x.org&smtp-user=', access).smtp).toEqual({ url: 'smtp://h' })
    expect(account('mails://h', { username: 'a@x.org' }).from).toBe('a@x.org')
  })
})

describe('the settings of a URL', () => {
  it.each([
    'amqp://H?exchange=e&type=direct&queues=classic&dead=d&history=h',
    'amqp://H?type=topic',
    'amqp1://H?nodes=plain&inbox=dynamic',
    'amqp1://H?nodes=rabbitmq&exchange=e&type=fanout&queues=quorum&dead=d&inbox=node',
    'nats://H?stream=s',
    'nats://H?replicas=1',
    'nats://H?delivery=core',
    'nats://H?delivery=jetstream',
    'mail://H/Lists/A%20b?from=a@x.org&to=b@x.org,c@x.org&smtp=H&afterwards=move&history=All',
    'mail://H?from=a@x.org&rejected=No&smtp-user=&smtp=smtp://H',
    `mail://H?from=a@x.org&peers=${'A'.repeat(43)}:b+c@x.org`,
  ])('are taken: %s', async (text) => {
    const url = text.replaceAll('H', NOBODY)
    const password = (): string => 'x'
    const transport = await openBroker({ url, session: 'waxwing-x-sub-1', password })
    expect(transport.limits.maxPayloadBytes).toBeGreaterThan(100_000)
    await transport.close()
  })

  it.each([
    ['amqp://H?type=x', 'type= is topic or direct'],
    ['amqp://H?queues=x', 'queues= is quorum or classic'],
    ['amqp1://H', 'nodes=rabbitmq'],
    ['amqp1://H?nodes=x', 'nodes= is rabbitmq or plain'],
    ['amqp1://H?nodes=plain&inbox=x', 'inbox= is node or dynamic'],
    ['nats://H?delivery=x', 'delivery= is jetstream or core'],
    ['nats://H?replicas=0', 'replicas is a whole number'],
    ['nats://H?replicas=x', 'replicas is a whole number'],
    ['mails://H', 'say the own mailbox'],
    ['mail://H?from=a@x.org&afterwards=burn', 'afterwards= is flag or move or delete'],
    ['mail://H?from=nobody', 'from must be a mailbox'],
    ['mail://H/%zz?from=a@x.org', 'is no folder'],
    ['mail://H?from=a@x.org&peers=anna:b@x.org', 'no id of a principal'],
    ['mail://H?from=a@x.org&peers=anna', 'peers= is ID:WHERE'],
    ['smpp://H', 'say the own number'],
    ['smpp://H?source=+4917012345&coding=morse', 'coding= is binary or text'],
    ['smpp://H?source=+4917012345&segments=3', 'segments is a whole number from 4'],
    ['smpp://H?source=+4917012345&addresses=perhaps', 'addresses= is yes or no'],
    ['udp://plant', 'names no group'],
    ['udp://10.0.0.1', 'group'],
    ['udp://?hops=0', 'hops is a whole number'],
    ['udp://?serve=yes', 'serve=yes needs record='],
  ])('are refused where they are wrong: %s', async (text, message) => {
    await expect(openBroker({ url: text.replaceAll('H', NOBODY) })).rejects.toThrow(message)
    await expect(openBroker({ url: text.replaceAll('H', NOBODY) })).rejects.toThrow(UsageError)
  })

  it.each(['mqtt', 'amqp', 'nats'])(
    'of %s do not hold the password: it must be said',
    async (scheme) => {
      const config = { broker: `${scheme}://${NOBODY}`, username: 'anna' }
      const errors: string[] = []
      const transport = await makeTransport(config)
      transport.onStatus((status) => {
        if (status.state === 'error') errors.push(String(status.error))
      })
      await expect.poll(() => errors.join()).not.toBe('')
      await transport.close()
    },
  )
})
