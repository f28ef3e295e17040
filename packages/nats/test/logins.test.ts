// SPDX-License-Identifier: Apache-2.0
/** How users log in: by a token, by a key, and by credentials that an account has signed. */
import { nkeys } from '@nats-io/transport-node'
import { expect, it, onTestFinished } from 'vitest'
import { natsTransport, type NatsTransportOptions } from '@waxwing/nats'
import { natsAvailable, requireOrSkip, startNats, type NatsOptions } from '@waxwing/testkit'

const { createAccount, createOperator, createUser } = nkeys
type KeyPair = ReturnType<typeof createUser>

const ONE = Uint8Array.of(1)

requireOrSkip('nats-server', natsAvailable())('logins to NATS', () => {
  it('are by a token', async () => {
    await expectLogin({ token: 'right' }, { token: 'right' }, { token: 'wrong' })
  })

  it('are by a key', async () => {
    const [user, stranger] = [createUser(), createUser()]
    const config = [`authorization { users: [ { nkey: ${user.getPublicKey()} } ] }`]
    await expectLogin({ config }, { nkeySeed: seedOf(user) }, { nkeySeed: seedOf(stranger) })
  })

  it('are by credentials that an account has signed', async () => {
    const { config, credentialsOf } = accounts()
    const [right, wrong] = [credentialsOf(), accounts().credentialsOf()]
    await expectLogin({ config }, { credentials: right }, { credentials: wrong })
  })

  it.each<[string, Partial<NatsTransportOptions>]>([
    ['no seed', { nkeySeed: 'SUNOSEED' }],
    ['no credentials', { credentials: 'nothing of the kind' }],
  ])('by what is %s fail at once', async (_what, login) => {
    const server = await startNats()
    onTestFinished(() => server.close())
    const transport = natsTransport({ url: server.url, ...login })
    onTestFinished(() => transport.close())
    await expect(transport.send('a', ONE)).rejects.toMatchObject({ code: 'ERR_TRANSPORT' })
  })
})

type Login = Pick<NatsTransportOptions, 'token' | 'nkeySeed' | 'credentials'>

async function expectLogin(options: NatsOptions, right: Login, wrong: Login): Promise<void> {
  const server = await startNats(options)
  onTestFinished(() => server.close())
  const sendBy = async (login: Login): Promise<void> => {
    const transport = natsTransport({ url: server.url, ...login })
    onTestFinished(() => transport.close())
    await transport.send('a', ONE)
  }
  await expect(sendBy(right)).resolves.toBeUndefined()
  await expect(sendBy(wrong)).rejects.toMatchObject({ code: 'ERR_TRANSPORT' })
}

function seedOf(key: KeyPair): string {
  return Buffer.from(key.getSeed()).toString()
}

/** A server's configuration with one account, and who may use it. */
function accounts(): { config: readonly string[]; credentialsOf: () => string } {
  const [operator, system, account] = [createOperator(), createAccount(), createAccount()]
  const limits = { subs: -1, data: -1, payload: -1, conn: -1, leaf: -1, imports: -1, exports: -1 }
  const storage = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 }
  const of = (key: KeyPair, more: object): string =>
    signed(operator, key, { type: 'account', version: 2, limits: { ...limits, ...more } })
  const ids = [system, account].map((key) => key.getPublicKey())
  const config = [
    `operator: ${signed(operator, operator, { type: 'operator', version: 2 })}`,
    `system_account: ${ids[0]}`,
    'resolver: MEMORY',
    `resolver_preload: { ${ids[0]}: ${of(system, {})}, ${ids[1]}: ${of(account, storage)} }`,
  ]
  const credentialsOf = (): string => {
    const user = createUser()
    const jwt = signed(account, user, { type: 'user', version: 2, subs: -1, data: -1, payload: -1 })
    const part = (what: string, text: string): string =>
      `-----BEGIN ${what}-----\n${text}\n------END ${what}------\n`
    return part('NATS USER JWT', jwt) + part('USER NKEY SEED', seedOf(user))
  }
  return { config, credentialsOf }
}

/** A claim as NATS has them: a JWT that is signed by the issuer's key. */
function signed(issuer: KeyPair, subject: KeyPair, nats: object): string {
  const base64 = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = {
    jti: crypto.randomUUID(),
    iat: Math.floor(Date.now() / 1000),
    iss: issuer.getPublicKey(),
    sub: subject.getPublicKey(),
    name: 'test',
    nats,
  }
  const text = `${base64({ typ: 'JWT', alg: 'ed25519-nkey' })}.${base64(claims)}`
  return `${text}.${Buffer.from(issuer.sign(Buffer.from(text))).toString('base64url')}`
}
