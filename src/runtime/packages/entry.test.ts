import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Prepared } from './prepared.ts'
import { type EntryOptions, nodeFlags, resolveEntry } from './entry.ts'

describe('resolveEntry', () => {
  let tree = ''
  let folder = ''
  const node = { path: '/opt/node/bin/node', version: '22.1.0' }
  before(async () => {
    tree = await realpath(await mkdtemp(join(tmpdir(), 'sampan-entry-')))
    folder = join(tree, 'node_modules', 'x')
    const put = async (path: string, content: string) => {
      await mkdir(dirname(join(tree, path)), { recursive: true })
      await writeFile(join(tree, path), content)
      await chmod(join(tree, path), 0o755)
    }
    await put('node_modules/x/cli.js', '#!/usr/bin/env -S node --no-warnings\n')
    await put('node_modules/x/tool.sh', '#!/bin/sh\n')
    await put('node_modules/x/index.js', '')
    await put('bin/machine-tool', 'ELF')
    await mkdir(join(tree, 'node_modules', '.bin'))
    await symlink('../x/cli.js', join(tree, 'node_modules', '.bin', 'x'))
  })
  after(() => rm(tree, { recursive: true, force: true }))

  const resolve = async (
    manifest: object,
    options: Omit<EntryOptions, 'workspace'> = {},
    scheme: Prepared['scheme'] = 'npm',
  ) => {
    await writeFile(
      join(folder, 'package.json'),
      JSON.stringify({ name: 'x', version: '1.0.0', ...manifest }),
    )
    const prepared: Prepared = {
      scheme,
      folder,
      name: 'x',
      version: '1.0.0',
      integrity: '',
      skippedScripts: [],
      node,
    }
    return await resolveEntry(prepared, { workspace: '/pod', basePath: join(tree, 'bin'), ...options })
  }

  it('runs a bin with the chosen Node.js, the flags of its first line, and the args, in the workspace', async () => {
    assert.deepEqual(await resolve({ bin: 'cli.js' }, { args: ['--port', '80'] }), {
      argv: [node.path, '--no-warnings', join(folder, 'cli.js'), '--port', '80'],
      cwd: '/pod',
      node: true,
      nodeVersion: '22.1.0',
      path: [
        join(folder, 'node_modules/.bin'),
        join(tree, 'node_modules/.bin'),
        '/opt/node/bin',
        join(tree, 'bin'),
      ].join(':'),
    })
  })
  it('runs a bin for another interpreter directly', async () => {
    assert.deepEqual((await resolve({ bin: 'tool.sh' })).argv, [join(folder, 'tool.sh')])
  })
  it('runs main in the package', async () => {
    const { argv, cwd } = await resolve({ main: 'index' })
    assert.deepEqual([argv, cwd], [[node.path, join(folder, 'index.js')], folder])
  })

  const scripts: [string, readonly string[], readonly string[]][] = [
    ['node server.js', [], ['/opt/node/bin/node', 'server.js']],
    [
      'node --enable-source-maps  dist/a.js --port=3',
      ['-v'],
      ['/opt/node/bin/node', '--enable-source-maps', 'dist/a.js', '--port=3', '-v'],
    ],
    ['node server.js "$PORT"', [], ['/bin/sh', '-c', 'node server.js "$PORT"']],
    ['NODE_ENV=x node .', ['a b'], ['/bin/sh', '-c', 'NODE_ENV=x node . "$@"', 'sh', 'a b']],
  ]
  for (const [start, args, argv] of scripts) {
    it(`runs the start script ${start}`, async () => {
      const launch = await resolve({ scripts: { start } }, { args }, 'dir')
      assert.deepEqual([launch.argv, launch.cwd], [argv, folder])
    })
  }

  it('replaces the entry by the command, found among the tools of the package', async () => {
    const { argv, cwd } = await resolve({}, { command: ['x', '-a'], args: ['-b'] })
    assert.deepEqual([argv, cwd], [[node.path, '--no-warnings', join(folder, 'cli.js'), '-a', '-b'], '/pod'])
  })
  it('finds a command on the PATH of the machine', async () => {
    assert.deepEqual((await resolve({}, { command: ['machine-tool'] })).argv, [
      join(tree, 'bin/machine-tool'),
    ])
  })
  it('takes a relative command from the package, and stays there', async () => {
    const { argv, cwd } = await resolve({}, { command: ['./index.js'] })
    assert.deepEqual([argv, cwd], [[node.path, join(folder, 'index.js')], folder])
  })
  it('names a command that is nowhere, and those of the package', async () => {
    await assert.rejects(resolve({ bin: { a: 'cli.js', b: 'cli.js' } }, { command: ['nope'] }), {
      code: 'command-not-found',
      message: /"nope" is neither.*x itself has: a, b/,
    })
    await assert.rejects(resolve({}, { command: ['./nope.js'] }), { code: 'command-not-found' })
  })
  it('refuses a package.json that is not JSON', async () => {
    await writeFile(join(folder, 'package.json'), '{')
    const prepared: Prepared = {
      scheme: 'dir',
      folder,
      name: 'x',
      version: '',
      integrity: '',
      skippedScripts: [],
      node,
    }
    await assert.rejects(resolveEntry(prepared, { workspace: '/pod' }), {
      code: 'no-entry',
      message: /is not JSON/,
    })
  })
})

describe('nodeFlags', () => {
  const cases: [string, string, readonly string[] | undefined][] = [
    ['#!/usr/bin/env node', '', []],
    ['#!/usr/local/bin/node --inspect', '', ['--inspect']],
    ['#!/usr/bin/env -S node -r x', '.js', ['-r', 'x']],
    ['#!/usr/bin/nodejs', '', []],
    ['#!/bin/bash', '.js', undefined],
    ['#!/usr/bin/env python3', '', undefined],
    ['const x = 1', '.mjs', []],
    ['\u007fELF', '', undefined],
  ]
  for (const [line, extension, expected] of cases) {
    it(`reads ${JSON.stringify(line)}`, () => assert.deepEqual(nodeFlags(line, extension), expected))
  }
})
