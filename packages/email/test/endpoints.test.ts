// SPDX-License-Identifier: Apache-2.0
/** Endpoints that know each other by mail alone. */
import { expect, it, onTestFinished } from 'vitest'
import { memoryStore, openEndpoint, type Endpoint } from '@waxwing/client'
import { emailTransport, openMailer, type EmailTransportOptions } from '@waxwing/email'
import { dovecotAvailable, requireOrSkip, withFooter, type SinkMail } from '@waxwing/testkit'
import { Collector, waitForEvent, World } from '@waxwing/testkit/stories'
import { imapClient, imapOf, mailboxOf, openSinkPost, type SinkPost } from './post.js'

const DAY_MS = 86_400_000
const STREAM = 'team/report'
const LIST = mailboxOf('team')

/** A world whose devices have mailboxes of their own names. */
async function worldOf(
  optionsOf: (name: string) => Partial<EmailTransportOptions>,
  relay?: (mail: SinkMail) => readonly SinkMail[],
): Promise<{ world: World; post: SinkPost }> {
  const post = await openSinkPost(relay === undefined ? {} : { sink: { relay } })
  const world = new World({
    transport: async (name) =>
      emailTransport({
        imap: imapOf(post.dovecot, name),
        smtp: { url: post.sink.url },
        from: mailboxOf(name),
        answerSeconds: 0,
        ...optionsOf(name),
      }),
    carried: () => [],
    close: () => post.close(),
  })
  onTestFinished(() => world.close())
  return { world, post }
}

/** A list: its mails go to its members, with a footer and another subject. */
function listOf(members: readonly string[]): (mail: SinkMail) => readonly SinkMail[] {
  return (mail) => {
    if (!mail.to.includes(LIST)) return [mail]
    const text = Buffer.from(withFooter(mail.bytes)).toString('latin1')
    const bytes = Buffer.from(text.replace(/^Subject: /m, 'Subject: [team] '), 'latin1')
    return [{ from: 'team-bounces@example.test', to: members.map(mailboxOf), bytes }]
  }
}

requireOrSkip('dovecot', dovecotAvailable())('by mail', () => {
  it('a reader asks whoever wrote to it, and is granted, though nobody configured where they are', async () => {
    const { world, post } = await worldOf((name) =>
      name === 'author' ? { routes: { 'team/#': mailboxOf('desk') } } : {},
    )
    const { domain } = await world.domain('team')
    const author = await world.device(
      domain,
      'author',
      { produces: ['team/#'] },
      { decide: (request) => request.grant() },
    )
    const desk = await world.device(domain, 'desk')
    const collector = await Collector.start(desk.endpoint.reader('team/#'))
    const producer = await author.endpoint.producer(STREAM)
    await producer.publish('the first report')
    await collector.until(1)
    expect(collector.texts).toEqual(['the first report'])
    const ways = post.sink.mails.map(({ from, to }) => `${from} > ${to.join()}`)
    expect(ways.slice(0, 3)).toEqual([
      'author@example.test > desk@example.test',
      'desk@example.test > author@example.test',
      'author@example.test > desk@example.test',
    ])
  })

  it('a letter carries what it takes to read it, and no other mail is sent', async () => {
    const { world, post } = await worldOf(() => ({}))
    const { domain } = await world.domain('team')
    const desk = await world.device(domain, 'desk')
    const author = await openEndpoint({ store: memoryStore(), clock: world.clock, name: 'author' })
    onTestFinished(() => author.close())
    const admission = await domain.admit(await author.enrolment(), { produces: ['team/#'] })
    await author.admit(admission, { domainId: domain.id })
    await introduce(desk.endpoint, author)
    const collector = await Collector.start(desk.endpoint.reader('team/#'))

    const producer = await author.producer(STREAM)
    const objects = ['one', 'two'].map((text) => ({
      address: STREAM,
      payload: producer.seal(text),
    }))
    const grants = await producer.grant(desk.endpoint.id)
    const mailer = openMailer({ smtp: { url: post.sink.url }, from: mailboxOf('author') })
    onTestFinished(() => mailer.close())
    await mailer.send({
      to: mailboxOf('desk'),
      text: 'Two reports, and the key to them.',
      items: [...grants.map((payload) => ({ payload })), ...objects],
    })
    await collector.until(2)
    expect(collector.texts).toEqual(['one', 'two'])
    expect(post.sink.mails.filter(({ from }) => from === mailboxOf('author'))).toHaveLength(1)
  })

  it('a newcomer to a list is granted last month, and reads it from the archive', async () => {
    const members = ['author', 'desk', 'clerk']
    const { world, post } = await worldOf(
      () => ({ routes: { '#': LIST }, historyFolder: 'Lists/Team' }),
      listOf(members),
    )
    const { domain } = await world.domain('team')
    const author = await world.device(domain, 'author', { produces: ['team/#'] })
    const readers = await Promise.all(['desk', 'clerk'].map((name) => world.device(domain, name)))
    const collectors = await Promise.all(
      readers.map(({ endpoint }) => Collector.start(endpoint.reader('team/#'))),
    )
    const producer = await author.endpoint.producer(STREAM)
    for (const { endpoint } of readers) {
      await introduce(endpoint, author.endpoint)
      await producer.grant(endpoint.id)
    }
    await producer.publish('last month')
    await producer.publish('also last month')
    for (const collector of collectors) await collector.until(2)
    expect(post.sink.mails.some(({ to }) => to.length === 3)).toBe(true)

    const archived = post.sink.mails.filter(({ from }) => from.startsWith('team-bounces'))
    world.clock.move(30 * DAY_MS)
    members.push('newcomer')
    const newcomer = await world.device(domain, 'newcomer')
    const client = await imapClient(post.dovecot, 'newcomer')
    await client.mailboxCreate(['Lists', 'Team'])
    for (const { bytes } of archived) {
      await client.append(['Lists', 'Team'], Buffer.from(bytes), [], new Date())
    }
    await client.logout()
    await introduce(newcomer.endpoint, author.endpoint)
    await producer.grant(newcomer.endpoint.id, { from: new Date(world.clock.now() - 31 * DAY_MS) })
    await waitForEvent(newcomer.events, 'grant')
    const texts: string[] = []
    for await (const item of newcomer.endpoint.reader('team/#').history()) {
      if (item.kind === 'message') texts.push(item.text())
    }
    expect(texts).toEqual(['last month', 'also last month'])
  })
})

/** One gets to know the other's keys, as by a card that was handed over. */
async function introduce(known: Endpoint, to: Endpoint): Promise<void> {
  const { credential, card } = known.parts.identity
  if (credential === null) throw new Error('nobody admitted it')
  const principal = await to.parts.trustBook.learn(credential)
  await to.parts.trustBook.keepCard(card.bytes, principal)
}
