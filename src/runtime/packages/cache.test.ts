import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { realClock } from '../../base/clock.ts'
import { silentLogger } from '../../base/logger.ts'
import { isAlive, readStat } from '../process/proc.ts'
import { openPackageCache, type PackageCache } from './cache.ts'
import { PackageError } from './errors.ts'
import { findFolder } from './find-package.ts'
import { nodePackage } from './node-version.ts'
import type { PackageCacheOptions, PackageSource, Progress } from './prepared.ts'
import { type FakeRegistry, openFakeRegistry } from './testdata/fake-registry.ts'

const never = new AbortController().signal
const nodeDefault = { path: process.execPath, version: process.versions.node }
const platformNode = nodePackage(process.platform, process.arch) ?? ''
const npm = (name: string, version: string): PackageSource => ({ scheme: 'npm', name, version })

describe('the package cache', () => {
  let registry: FakeRegistry
  let root = ''
  const opened: PackageCache[] = []
  before(async () => {
    registry = await openFakeRegistry()
    const files = { 'bin/app.js': '#!/usr/bin/env node\nconsole.log(require("dep"))\n' }
    const app = { name: 'app', bin: 'bin/app.js', dependencies: { dep: '^1.0.0' } }
    await registry.publish({
      manifest: { name: 'dep', version: '1.0.0' },
      files: { 'index.js': 'module.exports = 1' },
    })
    await registry.publish({ manifest: { ...app, version: '1.0.0' }, files })
    await registry.publish({ manifest: { ...app, version: '1.2.0' }, files })
    await registry.publish({ manifest: { ...app, version: '2.0.0' }, files })
    await registry.publish({
      manifest: { name: '@scope/tool', version: '1.0.0', bin: { tool: 'bin/app.js' } },
      files,
    })
    await registry.publish({ manifest: { name: 'torn', version: '1.0.0' }, files, cut: true })
    await registry.publish({
      manifest: { name: 'incomplete', version: '1.0.0', dependencies: { nowhere: '1' } },
    })
    await registry.publish({
      manifest: { name: 'scripted', version: '1.0.0', scripts: { postinstall: 'touch was-run' } },
    })
    await registry.publish({
      manifest: { name: 'old', version: '1.0.0', engines: { node: '>=18 <20' }, main: 'index.js' },
      files: { 'index.js': '' },
    })
    for (const version of ['18.2.0', '18.20.0', '19.1.0', '20.0.0']) {
      await registry.publish({
        manifest: { name: platformNode, version },
        files: { 'bin/node': `#!/bin/sh\necho v${version}\n` },
      })
    }
  })
  after(() => registry[Symbol.asyncDispose]())
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'sampan-packages-'))
    registry.failWith(undefined)
    registry.requests.length = 0
  })
  afterEach(async () => {
    for (const cache of opened.splice(0)) await cache[Symbol.asyncDispose]()
    await rm(root, { recursive: true, force: true })
  })

  const open = async (options: Partial<PackageCacheOptions> = {}): Promise<PackageCache> => {
    const config = { registry: registry.url, fetchRetries: 0 }
    const cache = await openPackageCache({
      root,
      nodeDefault,
      clock: realClock,
      logger: silentLogger,
      npm: config,
      ...options,
    })
    opened.push(cache)
    return cache
  }
  const leftovers = async () => [
    ...(await readdir(join(root, 'tmp')).catch(() => [])),
    ...(await readdir(join(root, 'npm'), { recursive: true }).catch(() => [])),
  ]
  const refuses = async (ensured: Promise<unknown>, code: string, message: RegExp) => {
    await assert.rejects(ensured, (e) => {
      assert.ok(e instanceof PackageError, String(e))
      assert.equal(e.code, code)
      assert.match(e.message, message)
      return true
    })
    assert.deepEqual(await leftovers(), [])
  }

  it('installs a package with its dependencies, and tells how it goes', async () => {
    const told: Progress[] = []
    const prepared = await (await open()).ensure(npm('app', '1.0.0'), {}, never, (p) => told.push(p))
    assert.deepEqual([prepared.name, prepared.version, prepared.node], ['app', '1.0.0', nodeDefault])
    assert.match(prepared.integrity, /^sha512-/)
    const { stdout } = await promisify(execFile)(process.execPath, [join(prepared.folder, 'bin/app.js')])
    assert.equal(stdout, '1\n')
    assert.deepEqual(
      told.map((p) => p.step),
      ['resolving', 'installing', 'ready'],
    )
    assert.deepEqual(await readdir(join(root, 'tmp')), [])
  })

  it('takes an exact version from the cache without asking the registry', async () => {
    const first = await (await open()).ensure(npm('app', '1.0.0'), {}, never)
    registry.failWith(500)
    registry.requests.length = 0
    const second = await (await open()).ensure(npm('app', 'v1.0.0'), {}, never)
    assert.deepEqual(second, first)
    assert.deepEqual(registry.requests, [])
  })

  it('resolves ranges and tags to the exact version', async () => {
    const cache = await open()
    assert.equal((await cache.ensure(npm('app', '^1.0.0'), {}, never)).version, '1.2.0')
    assert.equal((await cache.ensure(npm('app', 'latest'), {}, never)).version, '2.0.0')
  })

  it('satisfies a range from the cache when the registry cannot be reached, but not a tag', async () => {
    await (await open()).ensure(npm('app', '1.0.0'), {}, never)
    const offline = await open({ npm: { registry: 'http://127.0.0.1:1/', fetchRetries: 0 } })
    assert.equal((await offline.ensure(npm('app', '1.x'), {}, never)).version, '1.0.0')
    await assert.rejects(offline.ensure(npm('app', 'latest'), {}, never), { code: 'registry-unreachable' })
  })

  it('takes nothing but what is in the cache when it is told to', async () => {
    const cache = await open()
    const cached = { isCachedOnly: true }
    await refuses(
      cache.ensure(npm('app', '1.0.0'), cached, never),
      'not-cached',
      /app@1\.0\.0 is not in the cache/,
    )
    await cache.ensure(npm('app', '1.2.0'), {}, never)
    registry.requests.length = 0
    for (const version of ['1.2.0', '^1.0.0', 'latest'])
      assert.equal((await cache.ensure(npm('app', version), cached, never)).version, '1.2.0')
    await assert.rejects(cache.ensure(npm('app', '2.0.0'), cached, never), /app@2\.0\.0 is not in the cache/)
    assert.deepEqual(registry.requests, [])
  })

  it('installs scoped packages', async () => {
    const prepared = await (await open()).ensure(npm('@scope/tool', '1'), {}, never)
    assert.ok((await stat(join(prepared.folder, 'bin/app.js'))).isFile())
  })

  it('installs once what several want at the same time', async () => {
    const cache = await open()
    const all = await Promise.all([1, 2, 3, 4].map(() => cache.ensure(npm('app', '1'), {}, never)))
    assert.equal(new Set(all.map((p) => p.folder)).size, 1)
    assert.equal(registry.requests.filter((path) => path === '/app/-/1.2.0.tgz').length, 1)
  })

  it('runs install scripts only when they are allowed', async () => {
    const without = await (await open()).ensure(npm('scripted', '1'), {}, never)
    assert.ok(!(await readdir(without.folder)).includes('was-run'))
    assert.deepEqual(without.skippedScripts, ['scripted'])
    const withScripts = await (await open({ allowScripts: true })).ensure(npm('scripted', '1'), {}, never)
    assert.ok((await readdir(withScripts.folder)).includes('was-run'))
  })

  it('names an unknown package', async () => {
    await refuses(
      (await open()).ensure(npm('nowhere', '1'), {}, never),
      'not-found',
      /no package nowhere .*spelling/,
    )
  })

  it('names an unknown version, with those there are', async () => {
    const ensured = (await open()).ensure(npm('app', '1.9'), {}, never)
    await refuses(
      ensured,
      'version-not-found',
      /no version that matches 1\.9; the latest is 2\.0\.0; close to it are 1\.2\.0, 1\.0\.0, 2\.0\.0/,
    )
  })

  it('tells a missing dependency from a missing package', async () => {
    const ensured = (await open()).ensure(npm('incomplete', '1'), {}, never)
    await refuses(ensured, 'not-found', /something that incomplete@1 depends on .*nowhere/)
  })

  it('fetches no dependency from the disk or the repositories of this machine', async () => {
    const here = await mkdtemp(join(tmpdir(), 'sampan-private-'))
    try {
      await mkdir(join(here, 'package'))
      await writeFile(join(here, 'package', 'package.json'), '{"name":"private","version":"1.0.0"}')
      await promisify(execFile)('tar', ['-czf', join(here, 'private.tgz'), '-C', here, 'package'])
      const git = (...args: readonly string[]) =>
        promisify(execFile)('git', [
          '-C',
          join(here, 'package'),
          '-c',
          'user.name=a',
          '-c',
          'user.email=a@b',
          ...args,
        ])
      await git('init', '--quiet')
      await git('add', '.')
      await git('commit', '--quiet', '--message=private')
      const specs = [`file:${here}/private.tgz`, `file:${here}/package`, `git+file://${here}/package`]
      const cache = await open()
      for (const [index, spec] of specs.entries()) {
        const name = `thief-${index}`
        await registry.publish({ manifest: { name, version: '1.0.0', dependencies: { private: spec } } })
        await refuses(cache.ensure(npm(name, '1'), {}, never), 'install-failed', /private.*from a registry/)
      }
    } finally {
      await rm(here, { recursive: true })
    }
  })

  it('refuses a damaged tarball', async () => {
    await refuses((await open()).ensure(npm('torn', '1'), {}, never), 'integrity', /torn@1 .*damaged/)
  })

  it('reports a registry that refuses, fails, or is not there', async () => {
    registry.failWith(401)
    await refuses((await open()).ensure(npm('app', '1'), {}, never), 'unauthorized', /token/)
    registry.failWith(503)
    await refuses((await open()).ensure(npm('app', '1'), {}, never), 'registry-failed', /HTTP 503/)
    const nowhere = await open({ npm: { registry: 'http://user:secret@127.0.0.1:1/', fetchRetries: 0 } })
    await refuses(
      nowhere.ensure(npm('app', '1'), {}, never),
      'registry-unreachable',
      /^(?!.*secret).*ECONNREFUSED/,
    )
  })

  it('gives up after the timeout', async () => {
    registry.failWith('hang')
    const cache = await open({ installTimeoutMs: 1500 })
    await refuses(cache.ensure(npm('app', '1'), {}, never), 'timeout', /within 2 s/)
  })

  it('stops the install when nobody wants it any more', async () => {
    registry.failWith('hang')
    const cache = await open()
    const [first, second] = [new AbortController(), new AbortController()]
    const wanted = [first, second].map((a) => cache.ensure(npm('app', '1'), {}, a.signal))
    const [one, two] = wanted.map((p) => assert.rejects(p, /pod deleted/))
    while (registry.requests.length === 0) await realClock.sleep(10)
    first.abort(new Error('pod deleted'))
    await one
    assert.equal((await readdir(join(root, 'tmp'))).length, 1)
    second.abort(new Error('pod deleted'))
    await two
    await cache[Symbol.asyncDispose]()
    while ((await leftovers()).length > 0) await realClock.sleep(10)
  })

  it('leaves nothing behind when the agent is killed in the middle', async () => {
    registry.failWith('hang')
    const agentFile = join(import.meta.dirname, './testdata/ensure-and-linger.ts')
    const agent = spawn(process.execPath, [agentFile, root, registry.url], { stdio: 'ignore' })
    while (registry.requests.length === 0) await realClock.sleep(10)
    const [folder = ''] = await readdir(join(root, 'tmp'))
    agent.kill('SIGKILL')
    await once(agent, 'exit')
    const [pid = 0, startTicks = 0] = folder.split('.').map(Number)
    while (isAlive({ pid, startTicks })) await realClock.sleep(10)
    registry.failWith(undefined)
    const prepared = await (await open()).ensure(npm('app', '1'), {}, never)
    assert.equal(prepared.version, '1.2.0')
    assert.deepEqual(await readdir(join(root, 'tmp')), [])
  })

  it('sweeps the work of dead processes only', async () => {
    const alive = `${process.pid}.${readStat(process.pid)?.startTicks}`
    for (const name of [alive, `${process.pid}.1`, '4194305.7']) {
      await mkdir(join(root, 'tmp', name), { recursive: true })
    }
    await open()
    assert.deepEqual(await readdir(join(root, 'tmp')), [alive])
  })

  it('brings the Node.js that the package or the pod asks for', async () => {
    const cache = await open()
    const byEngines = await cache.ensure(npm('old', '1'), {}, never)
    assert.equal(byEngines.node.version, '18.20.0')
    assert.match(await readFile(byEngines.node.path, 'utf8'), /v18\.20\.0/)
    const byWish = await cache.ensure(npm('old', '1'), { nodeVersion: '19' }, never)
    assert.equal(byWish.node.version, '19.1.0')
    registry.failWith(500)
    const again = await cache.ensure(npm('old', '1.0.0'), {}, never)
    assert.deepEqual(again.node, byEngines.node)
  })

  it('keeps to its budget, and what it removed comes back when it is asked for', async () => {
    const cache = await open()
    const kept = await cache.ensure(npm('app', '2.0.0'), {}, never)
    const unused = await cache.ensure(npm('old', '1.0.0'), {}, never)
    const inUse = [kept.folder, kept.node.path]
    await cache.reclaim({ bytesMax: 0, inUse })
    assert.ok(await stat(unused.folder), 'asked for a moment ago')
    const hourAgo = new Date(realClock.now().getTime() - 3_600_000)
    const stamps = [join(unused.folder, '../../sampan.json'), join(kept.folder, '../../sampan.json')]
    for (const path of [...stamps, join(unused.node.path, '../..')]) await utimes(path, hourAgo, hourAgo)
    assert.ok((await cache.reclaim({ bytesMax: 0, inUse })) > 0)
    await assert.rejects(stat(unused.folder), { code: 'ENOENT' })
    await assert.rejects(stat(unused.node.path), { code: 'ENOENT' })
    await assert.rejects(stat(join(root, 'tarballs')), { code: 'ENOENT' })
    assert.deepEqual(await readdir(join(root, 'tmp')), [])
    assert.deepEqual(await cache.ensure(npm('app', '2.0.0'), { isCachedOnly: true }, never), kept)
    const missing = cache.ensure(npm('old', '1.0.0'), { isCachedOnly: true }, never)
    await assert.rejects(missing, { code: 'not-cached' })
    assert.deepEqual(await cache.ensure(npm('old', '1.0.0'), {}, never), unused)
  })

  it('says which Node.js there is not', async () => {
    const cache = await open()
    const wish = (nodeVersion: string) => cache.ensure({ scheme: 'dir', path: root }, { nodeVersion }, never)
    await refuses(wish('17'), 'node-unavailable', /needs Node\.js 17, which does not exist: .*annotation/)
    await refuses(wish('seven'), 'node-unavailable', /"seven" is not a Node\.js version/)
  })

  it('takes a folder as it is', async () => {
    await writeFile(join(root, 'package.json'), '{"name":"mine","version":"3.0.0"}')
    const prepared = await (await open()).ensure({ scheme: 'dir', path: root }, {}, never)
    assert.deepEqual(prepared, {
      scheme: 'dir',
      folder: root,
      name: 'mine',
      version: '3.0.0',
      integrity: '',
      skippedScripts: [],
      node: nodeDefault,
    })
    assert.deepEqual(registry.requests, [])
  })

  it('refuses a folder that is none', async () => {
    const cache = await open()
    const ensure = (path: string) => cache.ensure({ scheme: 'dir', path }, {}, never)
    await refuses(ensure(join(root, 'nope')), 'dir-missing', /nope cannot be read .*ENOENT/)
    await refuses(ensure(import.meta.filename), 'dir-missing', /not a folder/)
  })

  it('refuses a folder that is closed to the agent', async (t) => {
    if (process.getuid?.() !== 0) return t.skip('only root can be somebody else for a moment')
    const closed = await mkdtemp(join(tmpdir(), 'sampan-closed-'))
    process.seteuid?.(65_534)
    try {
      const advice = /is closed to the agent's user \(EACCES\): run chmod -R a\+rX \/.*sampan-closed-/
      await refuses(findFolder(closed, {}), 'dir-missing', advice)
    } finally {
      process.seteuid?.(0)
      await rm(closed, { recursive: true })
    }
  })
})
