/** Tokens of service accounts and of bootstrapping machines, through the front door, with time under control. */
import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { test } from 'node:test'
import { fakeClock } from '../base/fake-clock.ts'
import { createLogger } from '../base/logger.ts'
import { newKey, openCluster, type Cluster } from './access-fixture.ts'
import { admin, pod, refusal } from './fixture.ts'
import { createTokenSigner } from './stages/service-account-tokens.ts'

const account = '/api/v1/namespaces/default/serviceaccounts'
const whoPath = '/apis/authentication.k8s.io/v1/selfsubjectreviews'
const minuteMs = 60_000

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

async function withRobot(cluster: Cluster, spec: object = {}) {
  await cluster.asAdmin('POST', account, { metadata: { name: 'robot' } })
  return (await cluster.asAdmin('POST', `${account}/robot/token`, { spec })).body.status.token as string
}
const who = (cluster: Cluster, token: string) =>
  cluster.ask('POST', whoPath, { headers: bearer(token), body: {} })

test('a token speaks for its account until it expires', async () => {
  const clock = fakeClock()
  await using cluster = await openCluster(clock)
  const token = await withRobot(cluster, { expirationSeconds: 600 })
  const { userInfo } = (await who(cluster, token)).body.status
  assert.equal(userInfo.username, 'system:serviceaccount:default:robot')
  assert.deepEqual(userInfo.groups, [
    'system:serviceaccounts',
    'system:serviceaccounts:default',
    'system:authenticated',
  ])
  await clock.advance(10 * minuteMs - 1)
  assert.equal((await who(cluster, token)).status, 201)
  await clock.advance(1)
  assert.equal((await who(cluster, token)).status, 401)
})

test('a token ends with its account, and a new account of the same name is another', async () => {
  await using cluster = await openCluster()
  const token = await withRobot(cluster)
  await cluster.asAdmin('DELETE', `${account}/robot`)
  assert.equal((await who(cluster, token)).status, 401)
  await cluster.asAdmin('POST', account, { metadata: { name: 'robot' } })
  assert.equal((await who(cluster, token)).status, 401)
})

test('a token bound to a pod ends with it, and says which it is', async () => {
  await using cluster = await openCluster()
  await cluster.asAdmin('POST', account, { metadata: { name: 'robot' } })
  const pods = '/api/v1/namespaces/default/pods'
  await cluster.asAdmin('POST', pods, pod('p', { serviceAccountName: 'robot' }))
  const bound = (name: string) => ({ spec: { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name } } })
  const { status } = (await cluster.asAdmin('POST', `${account}/robot/token`, bound('p'))).body
  const { userInfo } = (await who(cluster, status.token)).body.status
  assert.deepEqual(userInfo.extra['authentication.kubernetes.io/pod-name'], ['p'])
  await cluster.asAdmin('POST', account, { metadata: { name: 'other' } })
  assert.match(
    refusal(await cluster.ask('POST', `${account}/other/token`, { user: admin, body: bound('p') })),
    /^400 BadRequest: cannot bind token for serviceaccount "other" to pod running with different serviceaccount name.$/,
  )
  await cluster.asAdmin('DELETE', `${pods}/p?gracePeriodSeconds=0`)
  assert.equal((await who(cluster, status.token)).status, 401)
  assert.equal(
    (await cluster.ask('POST', `${account}/robot/token`, { user: admin, body: bound('p') })).status,
    404,
  )
})

test('a token for somebody else is none for the API; TokenReview tells for whom it is', async () => {
  await using cluster = await openCluster()
  const token = await withRobot(cluster, { audiences: ['vault'] })
  assert.equal((await who(cluster, token)).status, 401)
  const review = async (spec: object) =>
    (await cluster.asAdmin('POST', '/apis/authentication.k8s.io/v1/tokenreviews', { spec })).body.status
  const known = await review({ token, audiences: ['vault', 'x'] })
  assert.equal(known.authenticated, true)
  assert.deepEqual(known.audiences, ['vault'])
  assert.equal(known.user.username, 'system:serviceaccount:default:robot')
  assert.equal((await review({ token })).authenticated, undefined)
  assert.equal((await review({ token: 'guess' })).authenticated, undefined)
})

test('a token that was changed, or signed by another key, stands for nobody', async () => {
  await using cluster = await openCluster()
  const token = await withRobot(cluster)
  const [head = '', payload = '', signature = ''] = token.split('.')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const grown = encode({ ...claims, exp: claims.exp + 1_000 })
  const unsigned = encode({ alg: 'none' })
  const forged = createTokenSigner(newKey()).sign({
    audiences: claims.aud,
    issuedAtSeconds: claims.iat,
    expiresAtSeconds: claims.exp,
    id: 'x',
    namespace: 'default',
    serviceAccount: claims['kubernetes.io'].serviceaccount,
  })
  for (const bad of [
    `${head}.${grown}.${signature}`,
    `${unsigned}.${payload}.`,
    `${head}.${payload}.`,
    forged,
  ])
    assert.equal((await who(cluster, bad)).status, 401)
  assert.equal((await who(cluster, token)).status, 201)
})

test('lifetimes are bounded, in upstream’s words', async () => {
  await using cluster = await openCluster()
  await withRobot(cluster)
  const ask = async (expirationSeconds: number) =>
    refusal(
      await cluster.ask('POST', `${account}/robot/token`, {
        user: admin,
        body: { spec: { expirationSeconds } },
      }),
    )
  assert.equal(
    await ask(60),
    '422 Invalid: TokenRequest.authentication.k8s.io "robot" is invalid: spec.expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes',
  )
  assert.match(await ask(2 ** 32 + 1), /may not specify a duration larger than 2\^32 seconds$/)
})

test('anybody can check a token by the keys that the issuer publishes', async () => {
  await using cluster = await openCluster()
  const token = await withRobot(cluster)
  const robot = { name: 'system:serviceaccount:default:robot', groups: ['system:serviceaccounts'] }
  const config = await cluster.ask('GET', '/.well-known/openid-configuration', { user: robot })
  assert.equal(config.body.jwks_uri, `${config.body.issuer}/openid/v1/jwks`)
  const answer = await cluster.ask('GET', '/openid/v1/jwks', { user: robot })
  const [key] = JSON.parse(answer.text).keys
  const [head, payload, signature = ''] = token.split('.')
  const publicKey = createPublicKey({ key, format: 'jwk' })
  const isSigned = verify(
    'sha256',
    Buffer.from(`${head}.${payload}`),
    { key: publicKey, dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature, 'base64url'),
  )
  assert.ok(isSigned)
  assert.equal(
    (await cluster.ask('GET', '/openid/v1/jwks', { user: { name: 'ana', groups: [] } })).status,
    403,
  )
})

test('a bootstrap token counts while its secret says so', async () => {
  const clock = fakeClock()
  await using cluster = await openCluster(clock)
  const secret = (more: object) => ({
    metadata: { name: 'bootstrap-token-abcdef' },
    type: 'bootstrap.kubernetes.io/token',
    stringData: {
      'token-id': 'abcdef',
      'token-secret': '0123456789abcdef',
      'usage-bootstrap-authentication': 'true',
      'auth-extra-groups': 'system:bootstrappers:machines,system:masters',
      expiration: '2026-01-01T01:00:00Z',
      ...more,
    },
  })
  const secrets = '/api/v1/namespaces/kube-system/secrets'
  await cluster.asAdmin('POST', secrets, secret({}))
  const answer = await who(cluster, 'abcdef.0123456789abcdef')
  assert.deepEqual(answer.body.status.userInfo, {
    username: 'system:bootstrap:abcdef',
    groups: ['system:bootstrappers', 'system:bootstrappers:machines', 'system:authenticated'],
  })
  assert.equal((await who(cluster, 'abcdef.0123456789abcdee')).status, 401)
  await clock.advance(60 * minuteMs)
  assert.equal((await who(cluster, 'abcdef.0123456789abcdef')).status, 401)
})

test('no token and no key is ever in the log', async () => {
  const lines: string[] = []
  const clock = fakeClock()
  const logger = createLogger({ clock, level: 'debug', write: (line) => lines.push(line) })
  await using cluster = await openCluster(clock, logger)
  const token = await withRobot(cluster)
  await who(cluster, token)
  await who(cluster, `${token}x`)
  await cluster.ask('GET', `/api/v1/pods?x=${'y'.repeat(10)}`, { headers: bearer(token) })
  for (const line of lines) assert.ok(!line.includes(token.slice(0, 40)), line)
})
