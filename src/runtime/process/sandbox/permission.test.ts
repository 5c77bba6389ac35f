import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it, test } from 'node:test'
import { realClock } from '../../../base/clock.ts'
import type { Handle, Permission } from '../../runtime.ts'
import { openProcessRuntime } from '../process-runtime.ts'
import { specsIn } from '../testdata/machine.ts'
import {
  isGrantable,
  permissionOptions,
  refusedNodeOption,
  refusedOption,
  refusedVariable,
} from './permission.ts'

const permissionOf = (version: string, more: Partial<Permission> = {}): Permission => ({
  program: process.execPath,
  version,
  read: [],
  write: [],
  extra: [],
  ...more,
})

const words: readonly (readonly [line: string, refused: string | undefined])[] = [
  ['', undefined],
  ['server.js --allow-fs-read=/', undefined],
  ['--max-old-space-size=200 --enable-source-maps server.js', undefined],
  ['--max_old_space_size=200 server.js', undefined],
  ['--require x --import=y -r z server.js', undefined],
  ['-e code --no-warnings', undefined],
  ['-- --allow-worker', undefined],
  ['--allow-fs-read=/ server.js', '--allow-fs-read=/'],
  ['--allow_fs_read=/ server.js', '--allow_fs_read=/'],
  ['--no-permission server.js', '--no-permission'],
  ['-e code --allow-worker', '--allow-worker'],
  ['-r x --allow-worker server.js', '--allow-worker'],
  ['-r --allow-worker server.js', '-r'],
  ['--max-old-space-size 200 --allow-worker server.js', '--max-old-space-size'],
  ['--run start', '--run'],
  ['--env-file=.env server.js', '--env-file=.env'],
  ['--tls-keylog=/etc/x server.js', '--tls-keylog=/etc/x'],
  ['--expose-gc=1 server.js', '--expose-gc=1'],
]
for (const [line, refused] of words)
  test(`the words of Node.js: ${line || '(none)'}`, () =>
    assert.equal(refusedOption(line.split(' ').filter(Boolean)), refused))

const options: readonly (readonly [options: string, refused: string | undefined])[] = [
  ['', undefined],
  ['--max-old-space-size=200  --import ./x.js', undefined],
  ['--import ./x.js --allow-fs-write=/', '--allow-fs-write=/'],
  ['--require a\tb --allow-fs-read=/', '--allow-fs-read=/'],
  ['x --allow-fs-read=/', 'x'],
  ['-- --allow-fs-read=/', '--'],
  ['--import "./x.js"', '--import "./x.js"'],
]
for (const [text, refused] of options)
  test(`NODE_OPTIONS: ${JSON.stringify(text)}`, () => assert.equal(refusedNodeOption(text), refused))

test('each Node.js gets its own options, each path once', () => {
  const own = {
    read: ['/app', '/app/node_modules', '/data'],
    write: ['/data', '/home'],
    extra: ['worker'],
  } as const
  const given = (version: string) => permissionOptions(permissionOf(version, own), '/state').join(' ')
  const files =
    '"--allow-fs-read=/app" "--allow-fs-read=/data" "--allow-fs-read=/home" "--allow-fs-read=/state"'
  const writes = '"--allow-fs-write=/data" "--allow-fs-write=/home" "--allow-fs-write=/state/insight"'
  const all = `"--permission" ${files} ${writes} "--allow-worker" "--no-experimental-sqlite"`
  assert.equal(given('24.18.1'), all)
  assert.equal(given('26.5.1'), `${all} "--allow-net"`)
})

test('paths and variables that mean more than they seem to', () => {
  assert.deepEqual(['/', '/a*', '/a,b', '/a b', '/a"b'].map(isGrantable), [false, false, true, true, true])
  assert.equal(refusedVariable(['PORT', 'NODE_ENV', 'NODE_EXTRA_CA_CERTS']), undefined)
  for (const name of ['LD_PRELOAD', 'OPENSSL_CONF', 'BASH_FUNC_mount%%', 'NODE_V8_COVERAGE'])
    assert.equal(refusedVariable(['PORT', name]), name)
})

describe('a program under the permission model', () => {
  const runtime = openProcessRuntime({ clock: realClock })
  const started: Handle[] = []
  let root = ''
  const specOf = specsIn(() => join(root, 'work'))
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'sampan permission-'))
    for (const name of ['work', 'open', 'fixed']) await mkdir(join(root, name))
    await writeFile(join(root, 'secret'), 'a secret of the agent')
    await writeFile(join(root, 'fixed', 'config'), 'a value')
  })
  after(async () => {
    for (const handle of started) await runtime.stop(handle, { signal: 'SIGTERM', graceMs: 0 })
    await rm(root, { recursive: true })
  })
  const start = async (id: string, script: string) => {
    const permission = permissionOf(process.versions.node, {
      read: [join(root, 'fixed'), '/dev/null'],
      write: [join(root, 'open')],
    })
    const argv = [process.execPath, '--eval', script]
    const handle = await runtime.start(specOf(id, argv, { node: true, permission }))
    started.push(handle)
    return handle
  }
  const outputOf = async (id: string) =>
    (await readFile(join(root, 'work', `${id}.out`), 'utf8')) +
    (await readFile(join(root, 'work', `${id}.err`), 'utf8'))
  /** Prints the names of those attempts that go through. */
  const attempts = (all: Readonly<Record<string, string>>) =>
    Object.entries(all)
      .map(([name, code]) => `try { ${code}; console.log(${JSON.stringify(name)}) } catch { /* held */ }`)
      .join('\n')

  it('does what it was given, and nothing else', async () => {
    const at = (path: string) => JSON.stringify(join(root, path))
    const script = attempts({
      'read fixed': `require('fs').readFileSync(${at('fixed/config')})`,
      'list open': `require('fs').readdirSync(${at('open')})`,
      'write open': `require('fs').writeFileSync(${at('open/x')}, '')`,
      'write fixed': `require('fs').writeFileSync(${at('fixed/x')}, '')`,
      'read secret': `require('fs').readFileSync(${at('secret')})`,
      'list where paths part': `require('fs').readdirSync('/')`,
      'read outwards': `require('fs').readFileSync(${at('open/../secret')})`,
      'open database': `new (require('node:sqlite').DatabaseSync)(${at('evil')})`,
      'start a program': `require('child_process').execFileSync('true')`,
      'start a thread': `new (require('worker_threads').Worker)('', { eval: true })`,
      listen: `require('net').createServer().listen(0).close()`,
    })
    const handle = await start('own', script)
    const exit = await runtime.wait(handle, new AbortController().signal)
    assert.equal(await outputOf('own'), 'read fixed\nlist open\nwrite open\nlisten\n')
    assert.equal(exit.code, 0)
  })

  it('has commands beside it that may do no more, whatever it makes of its own environment', async () => {
    const longName = 'x'.repeat(4096)
    const handle = await start(
      'beside',
      `process.title = '${longName}'; setInterval(() => {}, 1000); console.log('up')`,
    )
    while (!(await outputOf('beside')).includes('up')) {
      assert.equal((await runtime.inspect(handle)).phase, 'running')
      await realClock.sleep(10)
    }
    const look = `console.log(process.permission.has('fs.read'), process.permission.has('fs.read', ${JSON.stringify(join(root, 'open'))}))`
    const found = await runtime.exec(handle, { argv: [process.execPath, '--eval', look], timeoutMs: 20_000 })
    assert.deepEqual(found, { code: 0, output: 'false true\n' })
  })

  it('can be asked about itself, but for what the model keeps closed', async () => {
    const handle = await start('insight', 'setInterval(() => {}, 1000)')
    const ask = async (question: object): Promise<string> => {
      for (;;) {
        const [found] = (await runtime.nodeProcesses?.(handle)) ?? []
        if (!found) {
          assert.equal((await runtime.inspect(handle)).phase, 'running', await outputOf('insight'))
          await realClock.sleep(20)
          continue
        }
        const socket = await found.connect()
        socket.write(`${JSON.stringify(question)}\n`)
        let text = ''
        for await (const chunk of socket) text += String(chunk)
        return text
      }
    }
    assert.match(await ask({ ask: 'metrics' }), /^\{"metrics":/)
    assert.match(await ask({ ask: 'cpu-profile', seconds: 1 }), /runs under Node\.js's permission model/)
  })
})
