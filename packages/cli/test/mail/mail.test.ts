// SPDX-License-Identifier: Apache-2.0
/** Sealed data in mails, through a server of SMTP and one of IMAP, by the command alone. */
import { createHash, randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest'
import { mountSmallDisk, requireOrSkip } from '@waxwing/testkit'
import { dovecotAvailable, Post } from './post.js'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

requireOrSkip('dovecot (root)', dovecotAvailable())('mails', () => {
  let post: Post

  beforeAll(async () => {
    post = await Post.open('plant', 'desk', 'guest')
    await post.introduce('desk', 'plant')
  })

  afterAll(() => post.close())

  it('bring files and messages with their grants: they are opened at once', async () => {
    const [large, small] = [randomBytes(3_000_000), Buffer.from('small')]
    writeFileSync(post.office.path('large.bin'), large)
    writeFileSync(post.office.path('small.txt'), small)
    const files = ['large.bin', 'small.txt', '--message', 'see the files', '--text', 'Hello']
    const to = ['--to', post.mailbox('desk'), '--subject', 'November', '--grant', 'desk']
    const sent = await post.at('plant', 'mail', 'send', ...files, '--stream', 'plant/files', ...to)
    expect(sent.stderr).toContain('Granted: desk may read plant/files')
    expect(sent.stdout).toContain(`SHA-256 ${sha256(large)}  large.bin`)
    expect(sent).toMatchObject({ status: 0 })
    expect(post.sink.mails).toHaveLength(1)

    const fetched = await post.at('desk', 'mail', 'fetch', '--out', 'in')
    expect(fetched.stdout).toContain('plant/files  see the files  (from plant)')
    expect(fetched.stdout).toContain(`SHA-256 ${sha256(large)}`)
    expect(fetched).toMatchObject({ status: 0 })
    expect(sha256(readFileSync(post.office.path('in/large.bin')))).toBe(sha256(large))
    expect(readFileSync(post.office.path('in/small.txt'))).toEqual(small)

    const again = await post.at('desk', 'mail', 'fetch', '--out', 'in')
    expect(again).toMatchObject({ status: 0, stdout: '' })
    expect(again.stderr).toContain('Took 0 mails')
  })

  it('are kept and asked for by mail where a grant is missing, once an hour; then they open', async () => {
    const mail = ['mail', 'send', '--message', 'secret', '--stream', 'plant/notes']
    expect(await post.at('plant', ...mail, '--to', post.mailbox('guest'))).toMatchObject({
      status: 0,
    })

    const first = await post.at('guest', 'mail', 'fetch', '--reason', 'stocktaking')
    expect(first.stderr).toContain('1 object kept until a grant comes')
    expect(first.stderr).toContain('Asked by mail for 1 key.')
    expect(first).toMatchObject({ status: 0, stdout: '' })
    const second = await post.at('guest', 'mail', 'fetch')
    expect(second.stderr).toMatch(/Waiting for an answer about 1 key; asks again in \d+m/)

    const asked = await post.at('plant', 'mail', 'fetch')
    expect(asked.stderr).toContain('1 control message acted on')
    const listed = await post.office.in('plant', '--json', 'requests')
    expect(JSON.parse(listed.stdout)).toMatchObject({
      reason: 'stocktaking',
      stream: 'plant/notes',
    })
    const { request } = JSON.parse(listed.stdout) as { request: string }
    expect(await post.at('plant', 'grant', request)).toMatchObject({ status: 0 })

    const third = await post.at('guest', '--json', 'mail', 'fetch')
    const lines = third.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object)
    expect(lines).toContainEqual(
      expect.objectContaining({ text: 'secret', message: 'plant/notes' }),
    )
    expect(lines.at(-1)).toMatchObject({ summary: { messages: 1, parked: 0, control: 2 } })
    const fourth = await post.at('guest', 'mail', 'fetch')
    expect(fourth).toMatchObject({ status: 0, stdout: '' })
  })

  it('answer by themselves where a rule decides', async () => {
    const { stdout } = await post.office.in('guest', '--json', 'id', 'show')
    const { id } = JSON.parse(stdout) as { id: string }
    const rule = ['rules', 'add', 'guests', '--streams', 'plant/open', '--history', '1d']
    const added = await post.office.in('plant', ...rule, '--principal', id)
    expect(added).toMatchObject({ status: 0 })
    const mail = ['mail', 'send', '--message', 'welcome', '--stream', 'plant/open']
    await post.at('plant', ...mail, '--to', post.mailbox('guest'))
    await post.at('guest', 'mail', 'fetch')
    const answered = await post.at('plant', 'mail', 'fetch')
    expect(answered.stderr).toContain('Granted: guest may read plant/open')
    const fetched = await post.at('guest', 'mail', 'fetch')
    expect(fetched.stdout).toContain('welcome')
  })

  it('are read from files by who has no server, and answered by files', async () => {
    const { office } = post
    const out = ['--to', post.mailbox('guest'), '--sender', post.mailbox('plant')]
    const write = (file: string, text: string): Promise<{ readonly status: number | null }> =>
      office.in(
        'plant',
        'mail',
        'send',
        '--message',
        text,
        '--stream',
        'plant/paper',
        ...out,
        '--out',
        file,
      )
    expect(await write('one.eml', 'first')).toMatchObject({ status: 0 })
    expect(await write('two.eml', 'second')).toMatchObject({ status: 0 })
    expect(await write('two.eml', 'third')).toMatchObject({ status: 2 })
    const mails = ['one.eml', 'two.eml'].map((name) => readFileSync(office.path(name), 'utf8'))
    const foreign = 'Subject: lunch?\n\n>From noon on?\n'
    const mbox = [...mails, foreign].map((mail) => `From x@y Mon\n${mail}\n`).join('')
    writeFileSync(office.path('all.mbox'), mbox)

    const answers = ['--answers', 'answers', '--sender', post.mailbox('guest')]
    const first = await office.in('guest', 'mail', 'fetch', 'all.mbox', ...answers)
    expect(first.stderr).toContain('Took 2 mails')
    expect(first.stderr).toContain('1 mail left alone')
    expect(readdirSync(office.path('answers'))).toEqual(['answer.eml'])

    const grants = ['--answers', 'grants', '--sender', post.mailbox('plant')]
    expect(
      await office.in('plant', 'mail', 'fetch', 'answers/answer.eml', ...grants),
    ).toMatchObject({ status: 0 })
    const { stdout } = await office.in('plant', '--json', 'requests')
    const { request } = JSON.parse(stdout) as { request: string }
    expect(await office.in('plant', 'grant', request, '--out', 'guest.grant')).toMatchObject({
      status: 0,
    })
    await office.in('guest', 'take', 'guest.grant')

    const second = await office.in('guest', 'mail', 'fetch', 'all.mbox')
    expect(second.stdout).toMatch(/first[^]*second/)
    expect(second.stderr).toContain('2 messages')
    const again = await office.in('guest', 'mail', 'fetch', 'all.mbox', '--again')
    expect(again.stdout).toMatch(/first[^]*second/)
    expect(again).toMatchObject({ status: 0 })
  })

  it('that cannot be sent are kept, and sent later as they are', async () => {
    const url = post.account('plant').replace(/smtp=127.0.0.1:\d+/, 'smtp=127.0.0.1:1')
    const mail = ['mail', 'send', '--message', 'late', '--stream', 'plant/late', '--grant', 'desk']
    const args = [...mail, '--to', post.mailbox('desk'), '--timeout', '1s']
    const failed = await post.office.in('plant', '--broker', url, ...args)
    expect(failed).toMatchObject({ status: 6 })
    const kept = /Not sent; kept in (\S+)/.exec(failed.stderr)?.[1] ?? ''
    await post.at('plant', 'mail', 'send', '--again', kept, '--to', post.mailbox('desk'))
    const fetched = await post.at('desk', 'mail', 'fetch')
    expect(fetched.stdout).toContain('plant/late  late')
  })

  it('are taken as they come by who watches, until that is ended', async () => {
    const watch = post.start('desk', 'mail', 'fetch', '--watch')
    await watch.shows(/Waiting for mails/)
    const mail = ['mail', 'send', '--message', 'live', '--stream', 'plant/notes', '--grant', 'desk']
    expect(await post.at('plant', ...mail, '--to', post.mailbox('desk'))).toMatchObject({
      status: 0,
    })
    await watch.shows(/plant\/notes {2}live/)
    const second = await post.at('desk', 'mail', 'fetch')
    expect(second.stderr).toContain('the same command runs on this home already')
    watch.process.kill('SIGINT')
    const ended = await watch.ended()
    expect(ended.stderr).toContain('Took 1 mail: 1 message.')
    expect(ended).toMatchObject({ status: 0 })
  })

  it('stay in the mailbox while the disk is full', async ({ skip }) => {
    const disk = mountSmallDisk(post.office.path('small'), 8)
    if (disk === undefined) return skip('nothing can be mounted')
    onTestFinished(() => disk.close())
    const file = randomBytes(2_000_000)
    writeFileSync(post.office.path('full.bin'), file)
    const mail = ['mail', 'send', 'full.bin', '--stream', 'plant/files', '--grant', 'desk']
    await post.at('plant', ...mail, '--to', post.mailbox('desk'))
    disk.fill()
    const failed = await post.at('desk', 'mail', 'fetch', '--out', 'small')
    expect(failed.stderr).toContain('ENOSPC')
    expect(failed).toMatchObject({ status: 2 })
    disk.free()
    expect(await post.at('desk', 'mail', 'fetch', '--out', 'small')).toMatchObject({ status: 0 })
    expect(sha256(readFileSync(post.office.path('small/full.bin')))).toBe(sha256(file))
  })

  it('lose nothing when what takes them is killed', async () => {
    const names = Array.from({ length: 150 }, (_, index) => `part-${index}.txt`)
    for (const name of names) writeFileSync(post.office.path(name), name)
    const grant = ['--stream', 'plant/files', '--grant', 'desk', '--to', post.mailbox('desk')]
    expect(await post.at('plant', 'mail', 'send', ...names, ...grant)).toMatchObject({ status: 0 })
    const killed = post.start('desk', 'mail', 'fetch', '--out', 'parts')
    await killed.shows(/Received /)
    killed.process.kill('SIGKILL')
    await killed.ended()
    expect(await post.at('desk', 'mail', 'fetch', '--out', 'parts')).toMatchObject({ status: 0 })
    expect(readdirSync(post.office.path('parts')).toSorted()).toEqual(names.toSorted())
    for (const name of names) {
      expect(readFileSync(post.office.path(`parts/${name}`), 'utf8')).toBe(name)
    }
  })

  it('that were changed on the way are refused, and what else they hold is read', async () => {
    const { office } = post
    const out = ['--to', post.mailbox('desk'), '--sender', post.mailbox('plant'), '--out', 'ok.eml']
    const mail = ['mail', 'send', 'small.txt', '--message', 'good', '--stream', 'plant/files']
    await office.in('plant', ...mail, '--grant', 'desk', ...out)
    const changed = readFileSync(office.path('ok.eml'), 'latin1').split('\r\n')
    const last = changed.findLastIndex((line) => /^[\w+/=]{60,}$/.test(line))
    changed[last] = (changed[last] ?? '').replace(/[A-Za-z]/, (sign) => (sign === 'A' ? 'B' : 'A'))
    writeFileSync(office.path('changed.eml'), changed.join('\r\n'))
    const fetched = await office.in('desk', 'mail', 'fetch', 'changed.eml')
    expect(fetched.stdout, fetched.stderr).toContain('good')
    expect(fetched.stdout).not.toContain('small.txt')
    expect(fetched.stderr).toContain('1 item refused')
    const sound = await office.in('desk', 'mail', 'fetch', 'ok.eml', '--out', 'sound')
    expect(sound.stdout).toContain('small.txt')
    expect(sound).toMatchObject({ status: 0 })
  })

  it('want an account, and its password', async () => {
    const none = await post.office.in('plant', 'mail', 'fetch')
    expect(none.stderr).toContain('an account: --broker')
    expect(none.status).toBe(2)
    const locked = await post.office.in('plant', '--broker', post.account('plant'), 'mail', 'fetch')
    expect(locked.stderr).toContain('WAXWING_BROKER_PASSWORD')
    expect(locked.status).toBe(6)
  })
})
