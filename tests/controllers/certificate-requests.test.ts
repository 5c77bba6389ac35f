/** Machines that join at once under one name: the real server, the real controller, real keys and requests. */
import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { after, before, test } from 'node:test'
import { certificateSigningRequests } from '../../src/api/resources/certificatesigningrequests.ts'
import type { CertificateSigningRequest } from '../../src/api/schema/types.gen.ts'
import { createCa, readCertificateRequest, signCertificateRequest } from '../../src/apiserver/certificates.ts'
import { openFixture, type Fixture } from '../../src/apiserver/fixture.ts'
import { realClock } from '../../src/base/clock.ts'
import { fakeClock } from '../../src/base/fake-clock.ts'
import { realRandom } from '../../src/base/ids.ts'
import { silentLogger } from '../../src/base/logger.ts'
import type { Client } from '../../src/client/client.ts'
import { runController } from '../../src/client/controller.ts'
import { openInformers } from '../../src/client/informers.ts'
import { identityKeyAnnotation } from '../../src/client/machine-identity.ts'
import { restClient } from '../../src/client/rest-client.ts'
import { localTransport } from '../../src/client/transport-local.ts'
import {
  certificateRequestController,
  type CertificateSigner,
} from '../../src/controllers/certificate-requests.ts'
import { requestCertificate } from '../../src/node/join.ts'
import { publicKeyOf } from '../../src/node/node-key.ts'

/** The server's, by which requests are decided; those who join have the real one. */
const clock = fakeClock()
const stop = new AbortController()
let fixture: Fixture
/** With a join token. */
let joiner: Client
let client: Client
let signer: CertificateSigner
let running: Promise<void> = Promise.resolve()

before(async () => {
  fixture = await openFixture({ clock })
  const clientOf = (...groups: string[]) => {
    const user = { name: 'somebody', groups: ['system:masters', ...groups] }
    return restClient(
      localTransport((request) => fixture.server.handle(request), user),
      'test',
    )
  }
  joiner = clientOf('system:bootstrappers')
  client = clientOf()
  const ca = await createCa(realClock)
  signer = {
    read: readCertificateRequest,
    sign: (request, options) => signCertificateRequest(request, { ca, ...options, clock: realClock }),
  }
})
after(async () => {
  stop.abort(new Error('the test ends'))
  await running
  await fixture[Symbol.asyncDispose]()
})

const decideFromNowOn = () => {
  const loop = { client, clock, random: realRandom, logger: silentLogger }
  const informers = openInformers(loop)
  const context = { ...loop, informers }
  const run = async () => {
    await runController(certificateRequestController(signer), context, stop.signal)
    await informers[Symbol.asyncDispose]()
  }
  running = run()
}

const machine = (): KeyObject => generateKeyPairSync('ed25519').privateKey

/** `let in`, or why not. */
const join = (nodeName: string, key: KeyObject): Promise<string> =>
  requestCertificate({
    client: joiner,
    nodeName,
    key,
    clock: realClock,
    random: realRandom,
    signal: stop.signal,
    onWaiting: () => {},
  }).then(
    (certificate) => (certificate.startsWith('-----BEGIN CERTIFICATE-----') ? 'let in' : certificate),
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  )

const requests = async () =>
  (await client.resource<CertificateSigningRequest>(certificateSigningRequests).list()).items

test('of machines that ask for one new name at once the first is let in, the others are told what to do', async () => {
  const [one, other] = [machine(), machine()]
  const asked = [join('twice', one), join('twice', other), join('once', machine())]
  while ((await requests()).length < asked.length) await realClock.sleep(5)
  decideFromNowOn()
  const answers = (await Promise.all(asked)).toSorted()
  const [letIn] = (await requests()).filter(
    ({ metadata, status }) => status?.certificate && metadata.name?.includes('twice'),
  )
  const first = letIn?.metadata.name ?? ''
  assert.deepEqual(answers.slice(0, 2), ['let in', 'let in'])
  assert.match(
    answers[2] ?? '',
    new RegExp(
      `^the request node-twice-\\w+ was refused: another machine was let in as twice by the request ${first} a moment ago\\. Join under another name \\(--name\\); if this one shall have it: kubectl delete csr ${first}, then join again$`,
    ),
  )
})

test('the machine that was let in may ask again, as after a reinstall that has left it its key', async () => {
  const key = machine()
  assert.equal(await join('again', key), 'let in')
  assert.equal(await join('again', key), 'let in')
  assert.match(await join('again', machine()), /was refused: another machine/)
})

test('a name is free again when the request is deleted, and when its machine has not registered for five minutes', async () => {
  assert.equal(await join('gone', machine()), 'let in')
  for (const { metadata } of await requests())
    if (metadata.name?.includes('gone'))
      await client.resource(certificateSigningRequests).delete(metadata.name)
  assert.equal(await join('gone', machine()), 'let in')
  assert.match(await join('gone', machine()), /was refused/)
  await clock.advance(5 * 60_000)
  assert.equal(await join('gone', machine()), 'let in')
})

test('once the Node is registered, another machine waits for a person instead', async () => {
  const key = machine()
  assert.equal(await join('there', key), 'let in')
  const metadata = { name: 'there', annotations: { [identityKeyAnnotation]: publicKeyOf(key) } }
  assert.equal((await fixture.request('POST', '/api/v1/nodes', { metadata })).status, 201)
  const waits = Promise.withResolvers<string>()
  const gone = new AbortController()
  const refused = requestCertificate({
    client: joiner,
    nodeName: 'there',
    key: machine(),
    random: realRandom,
    signal: gone.signal,
    clock: realClock,
    onWaiting: waits.resolve,
  })
  const name = await Promise.race([waits.promise, refused])
  const [waiting] = (await requests()).filter(({ metadata }) => metadata.name === name)
  assert.deepEqual([waiting?.metadata.name, waiting?.status?.conditions], [name, undefined])
  gone.abort(new Error('the test ends'))
  await assert.rejects(refused)
})
