import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test, type TestContext } from 'node:test'
import { realClock, type Clock } from '../../base/clock.ts'
import { fakeClock } from '../../base/fake-clock.ts'
import { realRandom } from '../../base/ids.ts'
import { silentLogger } from '../../base/logger.ts'
import { openMemoryStore } from '../../store/memory/memory-store.ts'
import { openStore } from '../../store/open.ts'
import { isStoreError, type Store } from '../../store/store.ts'
import { openFixture, type Fixture } from '../fixture.ts'
import { isSealed, keyIdOf } from './envelope.ts'
import { createSealingKey, fileKeys, formatKeys, storedKeys, type KeyProvider } from './keyring.ts'
import { keysMax, openSealedStore } from './sealed-store.ts'
import { encryptionPath, sealingPaths } from './sealing-path.ts'

const folder = mkdtempSync(join(tmpdir(), 'sampan-sealing-'))
after(() => rmSync(folder, { recursive: true }))
let count = 0
const newFolder = () => mkdtempSync(join(folder, `${++count}-`))
const never = new AbortController().signal
const prefixes = ['/registry/core/secrets/']
const secretKey = (name: string) => `/registry/core/secrets/default/${name}`
const plaintext = 'a-secret-nobody-may-find'
const secret = (name: string, value = plaintext) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name },
  stringData: { password: value },
})
const secretsPath = '/api/v1/namespaces/default/secrets'

interface Opening {
  readonly store: Store
  readonly provider: KeyProvider
}

async function openApi(t: TestContext, { store, provider }: Opening) {
  const sealed = await openSealedStore({ store, prefixes, provider, clock: realClock, random: realRandom })
  const fixture = await openFixture({ store: sealed, ownPaths: sealingPaths(sealed.sealing, never) })
  t.after(() => fixture[Symbol.asyncDispose]())
  return { ...fixture, sealing: sealed.sealing }
}

const memory = () => openMemoryStore({ clock: realClock, logger: silentLogger })

test("a Secret's text is in none of the store's files, and comes back as it was", async (t) => {
  const directory = newFolder()
  const file = join(directory, 'store.db')
  const encoded = Buffer.from(plaintext).toString('base64')
  const bytesOnDisk = () =>
    ['', '-wal'].map((suffix) => readFileSync(file + suffix).toString('latin1')).join('\n')
  const store = await openStore(`sqlite:${file}`, { clock: realClock, logger: silentLogger })
  const api = await openApi(t, { store, provider: fileKeys(directory) })
  await api.request('POST', secretsPath, secret('one'))
  await api.request('POST', '/api/v1/namespaces/default/configmaps', {
    ...secret('open'),
    kind: 'ConfigMap',
    stringData: undefined,
    data: { text: 'this-one-is-found' },
  })
  assert.equal((await api.request('GET', `${secretsPath}/one`)).body.data.password, encoded)
  assert.equal((await api.request('GET', secretsPath)).body.items[0].data.password, encoded)
  const found = bytesOnDisk()
  assert(found.includes('this-one-is-found'), 'the search finds what lies there plain')
  for (const text of [plaintext, encoded, encoded.slice(0, 16)]) assert(!found.includes(text))
  assert.equal(statSync(join(directory, 'encryption.keys')).mode & 0o777, 0o600)
})

test('what lay there plain is read, and sealed by a reseal', async (t) => {
  const store = await memory()
  {
    const before = await openFixture({ store })
    await before.request('POST', secretsPath, secret('old'))
    await before.server[Symbol.asyncDispose]()
  }
  assert(!isSealed((await store.get(secretKey('old'))).entry?.value ?? new Uint8Array()))
  const api = await openApi(t, { store, provider: fileKeys(newFolder()) })
  const read = async () => (await api.request('GET', `${secretsPath}/old`)).body
  const before = await read()
  assert.equal((await api.request('GET', encryptionPath)).body.plain, 1)
  assert.deepEqual(await api.sealing.reseal(never), { resealed: 1 })
  assert(isSealed((await store.get(secretKey('old'))).entry?.value ?? new Uint8Array()))
  const { resourceVersion: _, ...kept } = before.metadata
  const now = await read()
  assert.deepEqual(now.data, before.data)
  const { resourceVersion: __, ...keptNow } = now.metadata
  assert.deepEqual(keptNow, kept)
})

test('a sealed value that is put in the place of another does not open; the others do', async (t) => {
  const store = await memory()
  const api = await openApi(t, { store, provider: fileKeys(newFolder()) })
  for (const name of ['mine', 'theirs', 'third']) await api.request('POST', secretsPath, secret(name, name))
  const theirs = await store.get(secretKey('theirs'))
  const mine = await store.get(secretKey('mine'))
  await store.update(secretKey('mine'), theirs.entry?.value ?? new Uint8Array(), mine.entry?.revision ?? 0)
  const answer = await api.request('GET', `${secretsPath}/mine`)
  assert.equal(answer.status, 500)
  assert.match(answer.body.message, /default\/mine" does not open.*put here from another object/)
  assert.equal((await api.request('GET', `${secretsPath}/third`)).status, 200)
})

test('a rotation brings every object under a new key, and keeps those before it', async (t) => {
  const store = await memory()
  const directory = newFolder()
  const api = await openApi(t, { store, provider: fileKeys(directory) })
  for (let i = 0; i < 5; i++) await api.request('POST', secretsPath, secret(`s${i}`, `value ${i}`))
  const [first] = (await api.sealing.status()).keys
  const rotated = (await api.request('POST', encryptionPath)).body
  assert.deepEqual(
    rotated.keys.map(({ objects }: { objects: number }) => objects),
    [5, 0],
  )
  assert.equal(rotated.keys[1].id, first?.id)
  for (let i = 0; i < 3; i++) await api.request('POST', encryptionPath)
  const { keys } = await api.sealing.status()
  assert.deepEqual(
    keys.map(({ objects }) => objects),
    [5, 0, 0, 0, 0],
  )
  assert(readFileSync(join(directory, 'encryption.keys'), 'utf8').includes(first?.id ?? '?'))
  const { items } = (await api.request('GET', secretsPath)).body
  assert.deepEqual(
    items.map(({ data }: { data: { password: string } }) => Buffer.from(data.password, 'base64').toString()),
    [0, 1, 2, 3, 4].map((i) => `value ${i}`),
  )
})

test('with a lost key its objects are refused by its name; everything else goes on', async (t) => {
  const store = await memory()
  const directory = newFolder()
  const file = join(directory, 'encryption.keys')
  let lost = ''
  {
    const sealed = await openSealedStore({
      store,
      prefixes,
      provider: fileKeys(directory),
      clock: realClock,
      random: realRandom,
    })
    const api = await openFixture({ store: sealed })
    await api.request('POST', secretsPath, secret('gone'))
    const { value } = (await store.get(secretKey('gone'))).entry ?? { value: new Uint8Array() }
    lost = keyIdOf(value)
    await api.server[Symbol.asyncDispose]()
  }
  writeFileSync(file, '')
  const api = await openApi(t, { store, provider: fileKeys(directory) })
  for (const path of [`${secretsPath}/gone`, secretsPath]) {
    const { status, body } = await api.request('GET', path)
    assert.equal(status, 500)
    assert(body.message.includes(lost), body.message)
    assert.match(body.message, /not among this server's encryption keys. Put that key back/)
  }
  assert.equal((await api.request('POST', secretsPath, secret('new'))).status, 201)
  assert.equal((await api.request('GET', `${secretsPath}/new`)).status, 200)
  assert.equal((await api.request('GET', '/api/v1/namespaces')).status, 200)
  assert.equal((await api.sealing.status()).lost, 1)
  await api.sealing.reseal(never)
})

test('a Secret whose key is lost goes when its reader says that it need not be read, and the others can be listed again', async (t) => {
  const store = await memory()
  await store.create(secretKey('lost'), await sealedByNobody('lost'))
  const api = await openApi(t, { store, provider: fileKeys(newFolder()) })
  const held = { name: 'good', finalizers: ['example.com/hold'] }
  await api.request('POST', secretsPath, { ...secret('good'), metadata: held })
  const unread = { ignoreStoreReadErrorWithClusterBreakingPotential: true }
  const remove = (name: string, options: object, headers = {}) => {
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', ...options }
    return api.request('DELETE', `${secretsPath}/${name}`, body, headers)
  }
  assert.equal((await remove('lost', {})).status, 500)
  const contradiction = await remove('lost', { ...unread, gracePeriodSeconds: 1 })
  assert.equal(contradiction.status, 422)
  assert.match(contradiction.body.message, /cannot be set together with .gracePeriodSeconds/)
  assert.equal((await api.request('GET', secretsPath)).status, 500)
  await mayOnlyDelete(api, 'ana')
  const denied = await remove('lost', unread, { 'impersonate-user': 'ana' })
  assert.equal(denied.status, 403)
  assert.match(denied.body.message, /"ana" cannot unsafe-delete-ignore-read-errors resource "secrets"/)
  const asked = `${secretsPath}/lost?ignoreStoreReadErrorWithClusterBreakingPotential=true`
  const { status, body } = await api.request('DELETE', asked)
  assert.deepEqual([status, body.status, body.details.name], [200, 'Success', 'lost'])
  assert.equal((await api.request('GET', `${secretsPath}/lost`)).status, 404)
  assert.equal((await remove('lost', unread)).status, 404)
  assert.equal((await api.request('GET', secretsPath)).body.items.length, 1)
  // What can be read goes the ordinary way, finalizers and all.
  assert.deepEqual((await remove('good', unread)).body.metadata.finalizers, held.finalizers)
})

test('only the state that nobody could read goes: not one that takes its place at that moment, nor another than is meant', async (t) => {
  const store = await memory()
  const lost = await store.create(secretKey('lost'), await sealedByNobody('lost'))
  let replaced = lost
  const deleteFrom = store.delete.bind(store)
  store.delete = async (key, expected) => {
    if (replaced === lost) replaced = await store.update(key, await sealedByNobody('lost'), lost)
    return deleteFrom(key, expected)
  }
  const api = await openApi(t, { store, provider: fileKeys(newFolder()) })
  const remove = (preconditions: object) =>
    api.request('DELETE', `${secretsPath}/lost`, {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      ignoreStoreReadErrorWithClusterBreakingPotential: true,
      preconditions,
    })
  const raced = await remove({})
  assert.equal(raced.status, 409)
  assert.match(raced.body.message, /replaced while it was to be deleted unread/)
  assert.equal((await store.get(secretKey('lost'))).entry?.revision, replaced)
  const other = await remove({ resourceVersion: String(lost) })
  assert.equal(other.status, 409)
  assert.match(other.body.message, new RegExp(`precondition: ${lost}, .* object meta: ${replaced}`))
  const byUid = await remove({ uid: 'b6b1c1c6' })
  assert.equal(byUid.status, 422)
  assert.match(byUid.body.message, /the uid of an object that can't be read is not known/)
  assert.equal((await remove({ resourceVersion: String(replaced) })).status, 200)
  assert.equal((await store.get(secretKey('lost'))).entry, undefined)
})

/** A role for Secrets, bound to `user`. */
async function mayOnlyDelete({ request }: Pick<Fixture, 'request'>, user: string): Promise<void> {
  const [apiGroup, metadata] = ['rbac.authorization.k8s.io', { name: 'deleting' }]
  const path = `/apis/${apiGroup}/v1/namespaces/default`
  const kept = { apiVersion: `${apiGroup}/v1`, metadata }
  const rules = [{ apiGroups: [''], resources: ['secrets'], verbs: ['delete'] }]
  await request('POST', `${path}/roles`, { ...kept, kind: 'Role', rules })
  const bound = await request('POST', `${path}/rolebindings`, {
    ...kept,
    kind: 'RoleBinding',
    roleRef: { apiGroup, kind: 'Role', name: metadata.name },
    subjects: [{ apiGroup, kind: 'User', name: user }],
  })
  assert.equal(bound.status, 201)
}

/** As a server stored it whose keys are gone. */
async function sealedByNobody(name: string): Promise<Uint8Array> {
  const store = await memory()
  const provider = fileKeys(newFolder())
  const sealed = await openSealedStore({ store, prefixes, provider, clock: realClock, random: realRandom })
  await sealed.create(secretKey(name), Buffer.from('{}'))
  return (await store.get(secretKey(name))).entry?.value ?? new Uint8Array()
}

/** A server of several that share `store`. */
const openShared = (store: Store, clock: Clock) =>
  openSealedStore({
    store,
    prefixes,
    provider: storedKeys({
      store,
      token: () => 'the token of the servers',
      copy: fileKeys(newFolder()),
      random: realRandom,
    }),
    clock,
    random: realRandom,
  })

test('a server that has seen none of the rotations elsewhere seals with a key that everybody has', async () => {
  const store = await memory()
  const [one, two] = [await openShared(store, fakeClock()), await openShared(store, fakeClock())]
  for (let i = 0; i < 2; i++) await one.sealing.rotate()
  const revision = await two.create(secretKey('a'), Buffer.from('{}'))
  assert.deepEqual(
    (await one.sealing.status()).keys.map(({ objects }) => objects),
    [1, 0, 0],
  )
  const restarted = await openShared(store, fakeClock())
  assert.equal(Buffer.from((await restarted.get(secretKey('a'))).entry?.value ?? '').toString(), '{}')
  // No time has passed on its clock: a key that was made just now is found all the same.
  await restarted.sealing.rotate()
  await restarted.update(secretKey('a'), Buffer.from('[]'), revision)
  assert.equal(Buffer.from((await two.get(secretKey('a'))).entry?.value ?? '').toString(), '[]')
})

test('a write that stalls while two rotations pass elsewhere can be read, and is brought along', async () => {
  const store = await memory()
  const [one, two] = [await openShared(store, fakeClock()), await openShared(store, fakeClock())]
  const [arrived, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const createIn = store.create.bind(store)
  store.create = async (key, ...rest) => {
    if (key === secretKey('late')) {
      arrived.resolve()
      await released.promise
    }
    return createIn(key, ...rest)
  }
  const writing = two.create(secretKey('late'), Buffer.from('{}'))
  await arrived.promise
  for (let i = 0; i < 2; i++) {
    await one.sealing.rotate()
    await one.sealing.reseal(never)
  }
  released.resolve()
  await writing
  const restarted = await openShared(store, fakeClock())
  for (const server of [one, two, restarted])
    assert.equal(Buffer.from((await server.get(secretKey('late'))).entry?.value ?? '').toString(), '{}')
  assert.deepEqual(await restarted.sealing.reseal(never), { resealed: 1 })
})

test('of more keys than are kept the oldest goes that seals nothing', async () => {
  const directory = newFolder()
  const provider = fileKeys(directory)
  const made = Array.from({ length: keysMax }, () => createSealingKey(realRandom))
  const [newest, oldest, beforeOldest] = [made[0], made.at(-1), made.at(-2)].map((key) => key?.id)
  const store = await memory()
  const open = async () =>
    openSealedStore({ store, prefixes, provider, clock: realClock, random: realRandom })
  writeFileSync(join(directory, 'encryption.keys'), formatKeys(made.slice(-1)))
  await (await open()).create(secretKey('a'), Buffer.from('{}'))
  writeFileSync(join(directory, 'encryption.keys'), formatKeys(made))
  const { sealing } = await open()
  await sealing.rotate()
  const ids = (await sealing.status()).keys.map(({ id }) => id)
  assert.equal(ids.length, keysMax)
  assert.deepEqual(
    [newest, oldest, beforeOldest].map((id) => ids.includes(id ?? '')),
    [true, true, false],
  )
})

test('servers that rotate at once agree on the newest key, and lose nothing', async () => {
  const store = await memory()
  const servers = await Promise.all([1, 2].map(() => openShared(store, fakeClock())))
  const names = ['a', 'b']
  await Promise.all(servers.map((server, i) => server.create(secretKey(names[i] ?? ''), Buffer.from('{}'))))
  const rotate = async (server: (typeof servers)[number]) => {
    await server.sealing.rotate()
    await server.sealing.reseal(never)
  }
  for (let round = 0; round < 2; round++) await Promise.all(servers.map(rotate))
  const restarted = await openShared(store, fakeClock())
  const status = await restarted.sealing.status()
  assert.equal(status.lost, 0)
  for (const server of [...servers, restarted]) {
    await server.sealing.reseal(never)
    const { entries } = await server.list({ prefix: '/registry/core/secrets/' })
    assert.deepEqual(
      entries.map(({ value }) => Buffer.from(value).toString()),
      ['{}', '{}'],
    )
  }
  assert.equal((await restarted.sealing.status()).keys[0]?.objects, 2)
})

test('servers that share a store share its keys, and see a rotation of another', async () => {
  const store = await memory()
  const clock = fakeClock()
  const open = () => openShared(store, clock)
  const [one, two] = await Promise.all([open(), open()])
  await one.create(secretKey('a'), Buffer.from('{}'))
  assert.equal(Buffer.from((await two.get(secretKey('a'))).entry?.value ?? '').toString(), '{}')
  await clock.advance(10_000) // an unknown key is asked for now and then only
  await two.sealing.rotate()
  await two.sealing.reseal(never)
  assert.equal(Buffer.from((await one.get(secretKey('a'))).entry?.value ?? '').toString(), '{}')
  const stored = (await store.get('/sampan/encryption-keys')).entry?.value ?? new Uint8Array()
  assert.match(Buffer.from(stored).toString(), /^\{"format":1,/)
  await assert.rejects(
    storedKeys({
      store,
      token: () => 'another token of servers',
      copy: fileKeys(newFolder()),
      random: realRandom,
    }).load(),
    /token does not open the keys/,
  )
})

test('a change of one byte anywhere in a sealed value is refused', async () => {
  const store = await memory()
  const options = { store, prefixes, clock: realClock, random: realRandom }
  const sealed = await openSealedStore({ ...options, provider: fileKeys(newFolder()) })
  let revision = await sealed.create(secretKey('a'), Buffer.from('{"kind":"Secret"}'))
  const good = (await store.get(secretKey('a'))).entry?.value ?? new Uint8Array()
  for (let at = 6; at < good.length; at++) {
    const bad = Buffer.from(good)
    bad[at] = (bad[at] ?? 0) ^ 1
    revision = await store.update(secretKey('a'), bad, revision)
    await assert.rejects(sealed.get(secretKey('a')), (error) => isStoreError(error, 'sealed'), `byte ${at}`)
  }
})

test("a single server's keys come along to a shared store, and back", async () => {
  const directory = newFolder()
  const token = () => 'the token of the servers'
  const open = (store: Store, provider: KeyProvider) =>
    openSealedStore({ store, prefixes, provider, clock: realClock, random: realRandom })
  const copy = fileKeys(directory)
  const [alone, shared] = [await memory(), await memory()]
  await (await open(alone, copy)).create(secretKey('a'), Buffer.from('{}'))
  const { value } = (await alone.get(secretKey('a'))).entry ?? { value: new Uint8Array() }
  await shared.create(secretKey('a'), value)
  const moved = await open(shared, storedKeys({ store: shared, token, copy, random: realRandom }))
  assert.equal(Buffer.from((await moved.get(secretKey('a'))).entry?.value ?? '').toString(), '{}')
  assert((await shared.get('/sampan/encryption-keys')).entry, 'other servers find them in the store')
  await moved.sealing.rotate()
  await moved.sealing.reseal(never)
  const back = await open(shared, fileKeys(directory))
  assert.equal(Buffer.from((await back.get(secretKey('a'))).entry?.value ?? '').toString(), '{}')
})

test('keys that a server made while it was alone outlive its return to an older shared store', async () => {
  const shared = await memory()
  const alone = await memory()
  const copy = fileKeys(newFolder())
  const options = { prefixes, clock: realClock, random: realRandom }
  const provider = () =>
    storedKeys({ store: shared, token: () => 'the token of the servers', copy, random: realRandom })
  await openSealedStore({ ...options, store: shared, provider: provider() })
  const single = await openSealedStore({ ...options, store: alone, provider: copy })
  for (let i = 0; i < 2; i++) await single.sealing.rotate()
  await single.create(secretKey('a'), Buffer.from('{}'))
  const { value } = (await alone.get(secretKey('a'))).entry ?? { value: new Uint8Array() }
  await shared.create(secretKey('a'), value)
  const back = await openSealedStore({ ...options, store: shared, provider: provider() })
  assert.equal(Buffer.from((await back.get(secretKey('a'))).entry?.value ?? '').toString(), '{}')
  const other = await openSealedStore({
    ...options,
    store: shared,
    provider: storedKeys({
      store: shared,
      token: () => 'the token of the servers',
      copy: fileKeys(newFolder()),
      random: realRandom,
    }),
  })
  assert.equal(Buffer.from((await other.get(secretKey('a'))).entry?.value ?? '').toString(), '{}')
})
