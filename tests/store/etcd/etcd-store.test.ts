/** What the contract does not say: neighbours in one etcd, users, certificates, limits, alarms. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { realClock } from '../../../src/base/clock.ts'
import { createLogger, describeError, silentLogger } from '../../../src/base/logger.ts'
import {
  bytes,
  fill,
  keysOf,
  text,
  thrown,
  watchEvents,
  watchUntil,
} from '../../../src/store/conformance/suite.ts'
import { openStore } from '../../../src/store/open.ts'
import { isStoreError } from '../../../src/store/store.ts'
import { until } from '../../support/cluster.ts'
import { startEtcdCluster, type EtcdCluster, type EtcdOptions } from '../../support/etcd.ts'
import { isMissing } from '../../support/needs.ts'

const purpose = 'the store on etcd'
const context = { clock: realClock, logger: silentLogger }
const openOn = (etcd: EtcdCluster, rest = '') => openStore(`etcd://${etcd.endpoints}${rest}`, context)
/** The signal of the test's own end bounds every watch. */
const limitMs = 120_000

function etcdTest(
  name: string,
  run: (etcd: EtcdCluster, t: TestContext) => Promise<void>,
  options?: EtcdOptions,
) {
  test(name, { timeout: limitMs }, async (t) => {
    if (isMissing(t, 'etcd', purpose) || isMissing(t, 'etcdctl', purpose)) return
    await using etcd = await startEtcdCluster(options)
    await run(etcd, t)
  })
}

etcdTest('two stores on one prefix are one, on two prefixes two', async (etcd, { signal }) => {
  await using one = await openOn(etcd, '/a')
  await using two = await openOn(etcd, '/a/')
  await using apart = await openOn(etcd, '/b')
  const from = await one.current()
  const seen = watchEvents(two, { from, count: 2, signal })
  const created = await one.create('/x', bytes('1'))
  const updated = await two.update('/x', bytes('2'), created)
  assert.deepEqual(
    (await seen).map(({ revision, value }) => [revision, text(value)]),
    [
      [created, '1'],
      [updated, '2'],
    ],
  )
  assert.equal((await apart.get('/x')).entry, undefined)
  assert.deepEqual(await keysOf(apart, ''), [])
  assert.match(etcd.ctl(['get', '--prefix', '/a/', '--keys-only']), /^\/a\/data\/x$/m)
})

etcdTest('a watch comes to every revision that neighbours reach', async (etcd, { signal }) => {
  await using store = await openOn(etcd, '/mine')
  await using neighbour = await openOn(etcd, '/theirs')
  const from = await store.create('/a', bytes('x'))
  const until = await fill(neighbour, ['/1', '/2', '/3'])
  const watching = watchUntil(store, { from, until, signal })
  assert((await store.current()) >= until) // somebody asks, so the watch has to get there
  assert.deepEqual((await watching).events, [])
  // Also where a watch begins at a revision that only the neighbour's write has reached.
  const later = await neighbour.create('/4', bytes('x'))
  await watchUntil(store, { from: later, until: later, signal })
})

etcdTest(
  'who is overtaken by the compaction of another process is told, who follows is not',
  async (etcd, t) => {
    await using store = await openOn(etcd)
    await using other = await openOn(etcd)
    const start = await store.current()
    for await (const _ of store.watch({ prefix: '' }, start, t.signal)) break // the store's own watch has begun
    const following = watchEvents(store, { from: await store.current(), lastKey: '/end', signal: t.signal })
    const first = await fill(store, ['/a', '/b'])
    const last = await fill(store, ['/c', '/d'])
    await other.compact(last)
    assert.equal((await thrown('compacted', () => store.get('/a', { at: first }))).revision, last)
    const watch = () => watchUntil(store, { from: first, until: last, signal: t.signal })
    assert.equal((await thrown('compacted', watch)).revision, last)
    assert.equal(await store.compacted(), last)
    await store.create('/end', bytes('x'))
    assert.deepEqual(
      (await following).map(({ key }) => key),
      ['/a', '/b', '/c', '/d', '/end'],
    )
  },
)

etcdTest(
  'a watch whose place is compacted while etcd is out of reach ends with compacted',
  async (etcd, t) => {
    const [member] = etcd.members
    assert(member)
    await using road = await openRoad(member.endpoint)
    await using store = await openStore(`etcd://${road.endpoint}`, context)
    await using other = await openOn(etcd)
    const from = await store.create('/a', bytes('x'))
    const watch = store.watch({ prefix: '' }, from, t.signal)[Symbol.asyncIterator]()
    await watch.next()
    road.cut()
    const missed = await fill(other, ['/b', '/c'])
    await other.compact(missed)
    road.mend()
    const error = await thrown('compacted', () => watch.next())
    assert.equal(error.revision, missed)
    const seen = watchEvents(store, { from: await store.current(), count: 1, signal: t.signal })
    await store.create('/d', bytes('x'))
    assert.equal((await seen)[0]?.key, '/d')
  },
)

etcdTest('a watch goes on where it was when the connection is cut again and again', async (etcd, t) => {
  const [member] = etcd.members
  assert(member)
  await using road = await openRoad(member.endpoint)
  await using store = await openStore(`etcd://${road.endpoint}`, context)
  await using other = await openOn(etcd)
  const from = await other.current()
  const seen = watchEvents(store, { from, lastKey: '/end', signal: t.signal })
  const keys = Array.from({ length: 200 }, (_, i) => `/k/${i}`)
  for (const [i, key] of keys.entries()) {
    await other.create(key, bytes('x'))
    if (i % 20 !== 19) continue
    road.cut()
    road.mend()
  }
  await other.create('/end', bytes('x'))
  assert.deepEqual(
    (await seen).map(({ key }) => key),
    [...keys, '/end'],
  )
})

etcdTest(
  'etcd put back to an earlier state: a store that knew more is given up, and a new one begins there',
  async (etcd, t) => {
    const [member] = etcd.members
    assert(member)
    const givenUp: string[] = []
    const onGivenUp = (error: Error) => givenUp.push(error.message)
    await using store = await openStore(`etcd://${etcd.endpoints}`, { ...context, onGivenUp })
    await fill(store, ['/a', '/b'])
    await member.signal('SIGTERM')
    const backup = `${member.dataDir}.backup`
    cpSync(member.dataDir, backup, { recursive: true })
    t.after(() => rmSync(backup, { recursive: true, force: true }))
    member.start()
    const from = await fill(store, ['/c', '/d', '/e'])
    const watch = store.watch({ prefix: '' }, from, t.signal)[Symbol.asyncIterator]()
    await watch.next()
    await member.signal('SIGKILL')
    rmSync(member.dataDir, { recursive: true })
    cpSync(backup, member.dataDir, { recursive: true })
    member.start()
    await thrown('corrupt', () => watch.next())
    await thrown('corrupt', () => store.create('/f', bytes('x')))
    assert.equal(givenUp.length, 1)
    assert.match(givenUp[0] ?? '', /no longer has the revision \d+.*start anew/)
    await using next = await openOn(etcd)
    assert.deepEqual(await keysOf(next, ''), ['/a', '/b'])
    const seen = watchEvents(next, { from: await next.current(), count: 1, signal: t.signal })
    await next.create('/f', bytes('x'))
    assert.equal((await seen)[0]?.key, '/f')
  },
)

etcdTest('a write tells, too, that etcd is another one', async (etcd) => {
  await using other = await startEtcdCluster()
  await using road = await openRoad(etcd.endpoints)
  await using store = await openStore(`etcd://${road.endpoint}`, context)
  await store.create('/a', bytes('x'))
  road.cut()
  road.mend(other.endpoints)
  const create = () => store.create('/b', bytes('x')).catch((error: unknown) => error)
  let error = await create()
  while (isStoreError(error, 'unavailable')) error = await create() // it was on its way when the road was cut
  assert(isStoreError(error, 'corrupt'))
  assert.match(error.message, /another cluster/i)
})

etcdTest('a value above the limit of etcd is invalid, and the sentence names the flag', async (etcd) => {
  await using store = await openOn(etcd)
  const bytesMax = store.capabilities.valueBytesMax
  assert(bytesMax > 1_500_000 && bytesMax < 1_572_864)
  await store.create('/fits', new Uint8Array(bytesMax))
  const own = await thrown('invalid', () => store.create('/a', new Uint8Array(bytesMax + 1)))
  assert.match(own.message, /max-request-bytes/)
  // The URL promises more than this etcd takes.
  await using bold = await openOn(etcd, '/?max-request-bytes=4000000')
  const theirs = await thrown('invalid', () => bold.create('/a', new Uint8Array(1_700_000)))
  assert.match(theirs.message, /--max-request-bytes/)
  const far = await thrown('invalid', () => bold.create('/a', new Uint8Array(3_900_000)))
  assert.match(far.message, /--max-request-bytes/)
})

etcdTest(
  'keys that expire at about the same time share a lease, and no key goes before its time',
  async (etcd, t) => {
    await using store = await openOn(etcd)
    const from = await store.current()
    const startMs = performance.now()
    const creates = Array.from({ length: 40 }, (_, i) =>
      store.create(`/e/${i}`, bytes('x'), { ttlMs: 2_500 }),
    )
    await Promise.all(creates)
    assert.match(etcd.ctl(['lease', 'list']), /found 1 leases/)
    const events = await watchEvents(store, { from, count: 80, signal: t.signal })
    assert(performance.now() - startMs >= 2_500)
    assert.deepEqual(new Set(events.slice(40).map(({ type }) => type)), new Set(['delete']))
    assert.deepEqual(await keysOf(store, '/e/'), [])
  },
)

etcdTest(
  'a full etcd refuses writes with full, and goes on reading, deleting and watching',
  async (etcd, t) => {
    await using store = await openOn(etcd)
    const value = new Uint8Array(1_000_000)
    const first = await store.create('/0', value)
    let full: unknown
    for (let i = 1; i < 100 && !full; i++) {
      full = await store.create(`/${i}`, value.fill(i)).then(
        () => undefined,
        (error: unknown) => error,
      )
    }
    assert(isStoreError(full, 'full'), String(full))
    assert.match(full.message, /quota.*alarm disarm/)
    // Opened while it is full: without a mark of its own.
    await using late = await openOn(etcd)
    const from = await late.current()
    const watching = watchEvents(late, { from, count: 1, signal: t.signal })
    for await (const _ of late.watch({ prefix: '' }, from, t.signal)) break
    assert.equal((await store.get('/0')).entry?.revision, first)
    await store.delete('/0')
    assert.equal((await watching)[0]?.type, 'delete')
    for (const key of await keysOf(store, '')) await store.delete(key)
    await store.compact(await store.current())
    const again = async () => {
      etcd.ctl(['defrag'])
      etcd.ctl(['alarm', 'disarm'])
      return store.create('/again', bytes('x'))
    }
    // etcd compacts in its own time.
    await until('it takes writes again', again, 30_000)
  },
  { args: ['--quota-backend-bytes=16777216'] },
)

test(
  'a user and certificates: served with them, refused without, and the password is never told',
  { timeout: limitMs },
  async (t) => {
    if (isMissing(t, 'etcd', purpose) || isMissing(t, 'etcdctl', purpose)) return
    if (isMissing(t, 'openssl', 'certificates for etcd')) return
    const folder = mkdtempSync(join(tmpdir(), 'sampan-etcd-tls-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const { ca, cert, key } = certificates(folder)
    const tls = [`--cert-file=${cert}`, `--key-file=${key}`, `--trusted-ca-file=${ca}`, '--client-cert-auth']
    await using etcd = await startEtcdCluster({ scheme: 'https', args: [...tls, '--auth-token-ttl=2'] })
    const ctl = (args: string) =>
      etcd.ctl([`--cacert=${ca}`, `--cert=${cert}`, `--key=${key}`, ...args.split(' ')])
    for (const args of [
      'user add root:super',
      'role add sampan',
      'role grant-permission --prefix=true sampan readwrite /sampan/',
      'user add app:s3cr%t@x',
      'user grant-role app sampan',
      'user grant-role root root',
      'auth enable',
    ])
      ctl(args)
    const lines: string[] = []
    const logger = createLogger({ clock: realClock, level: 'debug', write: (line) => lines.push(line) })
    const files = `ca=${ca}&cert=${cert}&key=${key}`
    const open = (user: string, query: string, path = '') =>
      openStore(`etcds://${user}${etcd.endpoints}${path}?${query}`, { clock: realClock, logger })

    const password = encodeURIComponent('s3cr%t@x')
    await using store = await open(`app:${password}@`, files)
    const created = await store.create('/a', bytes('x'))
    await realClock.sleep(4_500) // the token has gone by then
    await store.update('/a', bytes('y'), created)
    await watchUntil(store, { from: created, until: created + 1, signal: t.signal })
    await store.create('/leased', bytes('x'), { ttlMs: 60_000 })
    await store.compact(await store.current())
    writeFileSync(join(folder, 'password'), 's3cr%t@x\n')
    await using again = await open('app@', `${files}&password-file=${join(folder, 'password')}`)
    assert.equal(text((await again.get('/a')).entry?.value), 'y')

    const refusals = [
      () => open('app:wr0ng@', files),
      () => open('', files), // a certificate without a user of that name
      () => open(`app:${password}@`, ''),
      () => open(`app:${password}@`, files, '/elsewhere'),
    ]
    for (const refusal of refusals) {
      const error = await thrown('unavailable', refusal)
      assert.doesNotMatch(describeError(error), /s3cr|wr0ng/)
    }
    assert.doesNotMatch(lines.join('\n'), /s3cr|wr0ng/)
  },
)

interface Road extends AsyncDisposable {
  readonly endpoint: string
  /** Breaks what goes through it, and lets nothing in. */
  cut(): void
  /** To where it led, or elsewhere. */
  mend(endpoint?: string): void
}

/** A way to an endpoint that can be interrupted. */
async function openRoad(endpoint: string): Promise<Road> {
  let [host, port] = endpoint.split(':')
  const sockets = new Set<Socket>()
  let isCut = false
  const server = createServer((from) => {
    if (isCut) return void from.destroy()
    const to = connect(Number(port), host)
    for (const [one, two] of [
      [from, to],
      [to, from],
    ] as const) {
      sockets.add(one)
      one.pipe(two)
      one.on('error', () => {}) // 'close' follows
      one.on('close', () => {
        sockets.delete(one)
        two.destroy()
      })
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = () => {
    isCut = true
    for (const socket of sockets) socket.destroy()
  }
  const address = server.address()
  return {
    endpoint: `127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
    cut,
    mend(elsewhere = endpoint) {
      ;[host, port] = elsewhere.split(':')
      isCut = false
    },
    async [Symbol.asyncDispose]() {
      cut()
      await once(server.close(), 'close')
    },
  }
}

/** An authority and one certificate that serves both sides. */
function certificates(folder: string): { ca: string; cert: string; key: string } {
  const at = (name: string) => join(folder, name)
  const openssl = (args: string) => {
    const { status, stderr } = spawnSync('openssl', args.split(' '), { encoding: 'utf8', cwd: folder })
    if (status !== 0) throw new Error(`openssl ${args} failed: ${stderr}`)
  }
  const curve = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
  openssl(`req -x509 ${curve} -keyout ca.key -out ca.crt -subj /CN=ca -days 2`)
  openssl(`req ${curve} -keyout own.key -out own.csr -subj /CN=nobody`)
  writeFileSync(at('own.ext'), 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n')
  openssl(
    'x509 -req -in own.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out own.crt -days 2 -extfile own.ext',
  )
  return { ca: at('ca.crt'), cert: at('own.crt'), key: at('own.key') }
}
