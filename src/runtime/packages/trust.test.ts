import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { realClock } from '../../base/clock.ts'
import { silentLogger } from '../../base/logger.ts'
import { openPackageCache } from './cache.ts'
import { openFakeRegistry, type FakeRegistry } from './testdata/fake-registry.ts'
import { checkRegistryVersion, parseTrust } from './trust.ts'

const never = new AbortController().signal
const nodeDefault = { path: process.execPath, version: process.versions.node }

describe('what may stand for a version', () => {
  for (const version of ['1.2.3', '^1', '>=1 <3', '1.x', '*', 'latest', 'next-14', 'beta.2', 'v1.0.0'])
    it(`yes: ${version}`, () => checkRegistryVersion('app', version))
  const others = ['.', '..', './app', '.hidden', 'app.tgz', 'a.tar.gz', 'x.tar', '~/app', 'file:/app', '/app']
  for (const version of [...others, 'npm:other@1', 'git+ssh://h/x', 'https://h/x', 'user/repo', ''])
    it(`no: ${JSON.stringify(version)}`, () => {
      if (version === '') return // npm takes it for any version, and so do we
      assert.throws(() => checkRegistryVersion('app', version), { code: 'version-not-found' })
    })
})

describe('trust in packages', () => {
  let registry: FakeRegistry
  let root = ''
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'sampan-trust-'))
    registry = await openFakeRegistry()
    const files = { 'index.js': '' }
    for (const version of ['1.0.0', '2.0.0']) {
      await registry.publish({ manifest: { name: '@ours/app', version, main: 'index.js' }, files })
      await registry.publish({ manifest: { name: 'theirs', version, main: 'index.js' }, files })
    }
  })
  after(async () => {
    await registry[Symbol.asyncDispose]()
    await rm(root, { recursive: true, force: true })
  })
  const open = (pattern?: string) =>
    openPackageCache({
      root: join(root, 'cache'),
      nodeDefault,
      clock: realClock,
      logger: silentLogger,
      npm: { registry: registry.url, fetchRetries: 0 },
      ...(pattern !== undefined && { trust: parseTrust(pattern) }),
    })
  const npm = (name: string, version: string) => ({ scheme: 'npm', name, version }) as const

  it('what does not match after it was resolved is refused, and not fetched', async () => {
    await using cache = await open('^@ours/app@1\\.')
    const found = await cache.ensure(npm('@ours/app', '^1'), {}, never)
    assert.equal(found.version, '1.0.0')
    assert.match(found.integrity, /^sha512-/)
    registry.requests.length = 0
    // The tag says nothing of a version; what it stands for is 2.0.0.
    await assert.rejects(cache.ensure(npm('@ours/app', 'latest'), {}, never), {
      code: 'untrusted',
      message: /does not trust @ours\/app@2\.0\.0: .*\^@ours\/app@1/,
    })
    await assert.rejects(cache.ensure(npm('theirs', '1.0.0'), {}, never), { code: 'untrusted' })
    assert.deepEqual(
      registry.requests.filter((path) => path.endsWith('.tgz')),
      [],
    )
    assert.deepEqual(await readdir(join(root, 'cache', 'npm')), ['@ours+app@1.0.0'])
  })

  it('what another time has installed is asked about, too', async () => {
    {
      await using open1 = await open()
      await open1.ensure(npm('theirs', '1.0.0'), {}, never)
    }
    await using cache = await open('^@ours/')
    await assert.rejects(cache.ensure(npm('theirs', '1.0.0'), {}, never), { code: 'untrusted' })
    registry.failWith(503)
    await assert.rejects(cache.ensure(npm('theirs', '^1'), {}, never))
    registry.failWith(undefined)
  })

  it('folders are no packages: they need a pattern of their own', async () => {
    const folder = join(root, '@ours', 'app@1.0.0')
    await (await import('node:fs/promises')).mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'index.js'), '')
    {
      await using cache = await open('^@ours/')
      await assert.rejects(cache.ensure({ scheme: 'dir', path: folder }, {}, never), { code: 'untrusted' })
    }
    await using cache = await open(`^dir:${root}/`)
    assert.equal((await cache.ensure({ scheme: 'dir', path: folder }, {}, never)).scheme, 'dir')
  })
})
