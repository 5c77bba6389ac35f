/** A newcomer's first minute: a clean checkout on a machine that has an old Node.js and npm, and nothing else. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { root, until } from '../support/cluster.ts'
import { ask } from '../support/http.ts'

/** Installing takes most of it. */
const withinMs = 240_000

test('npm start works in a fresh clone', { timeout: withinMs * 2 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sampan-clone-'))
  const clone = join(folder, 'sampan')
  const home = join(folder, 'home')
  mkdirSync(home)
  const cloned = spawnSync('git', ['clone', '-q', root, clone], { encoding: 'utf8' })
  if (cloned.status !== 0) return t.skip(`this is no git checkout: ${cloned.stderr}`)
  const env = {
    ...process.env,
    NODE_COMPILE_CACHE: undefined, // it has compiled nothing yet
    HOME: home,
    PATH: machinePath(),
    npm_config_cache: join(process.env['HOME'] ?? home, '.npm'),
  }
  const data = join(home, '.local', 'share', 'sampan')
  const listen = ['--listen', '127.0.0.1:0', '--tls-listen', '127.0.0.1:0', '--gateway-listen', '127.0.0.1:0']
  const child = spawn('npm', ['start', '--', ...listen], {
    cwd: clone,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)))
  const ended = new Promise((resolve) => child.once('exit', resolve))
  try {
    const url = await until(
      'the app is on its URL',
      () => {
        if (child.exitCode !== null) throw new Error(`npm start ended: ${output}`)
        return /^app +(http\S+)/m.exec(output)?.[1]
      },
      withinMs,
    )
    assert.match(output, /^ready$/m)
    assert.match(output, new RegExp(`^kubeconfig +${join(data, 'kubeconfig')}$`, 'm'))
    assert.match((await ask(url)).body, /^Hello from hello-/)
    const again = spawnSync('npm', ['run', 'build'], { cwd: clone, env, encoding: 'utf8' })
    assert.equal(again.status, 0, again.stderr)
    assert.equal(`${output}${again.stderr}`.match(/installing dependencies/g)?.length, 1)
  } finally {
    child.kill('SIGTERM')
    await ended
    const down = spawnSync(join(clone, 'bin', 'sampan'), ['down'], { env, encoding: 'utf8' })
    rmSync(folder, { recursive: true, force: true })
    assert.equal(down.status, 0, down.stderr)
  }
})

test('bin/sampan says in one sentence what it lacks: a Node.js that is new enough, or its packages', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sampan-bin-'))
  try {
    cpSync(join(root, 'bin'), join(folder, 'bin'), { recursive: true })
    const old = join(folder, 'old.cjs')
    writeFileSync(
      old,
      "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.1.0' } })",
    )
    const run = (...flags: readonly string[]) => {
      const args = [...flags, join(folder, 'bin', 'sampan'), 'version']
      const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
      assert.equal(status, 1)
      return stderr
    }
    // As it is installed there is nothing to run `npm ci` on.
    assert.match(run('-r', old), /^sampan needs Node\.js 24 or later[^`]*: install a newer Node\.js\.\n$/)
    mkdirSync(join(folder, 'src', 'main'), { recursive: true })
    writeFileSync(join(folder, 'src', 'main', 'cli.ts'), '')
    assert.match(run('-r', old), /^sampan needs Node\.js 24 or later.*`npm ci`.*\n$/)
    assert.match(run(), /^the packages that sampan needs are not installed: run `npm ci` in .*\n$/)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('bin/sampan runs with the Node.js beside it when the one it is started with is too old', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sampan-bin-'))
  try {
    const old = join(folder, 'old.cjs')
    // Only the first process believes it is old.
    writeFileSync(
      old,
      "if (!process.env.SEEN) { process.env.SEEN = '1'; Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.1.0' } }) }",
    )
    const { status, stdout } = spawnSync(
      process.execPath,
      ['-r', old, join(root, 'bin', 'sampan'), 'version'],
      { encoding: 'utf8' },
    )
    assert.equal(status, 0)
    assert.match(stdout, /^sampan \d/)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

/** The PATH without what npm put in front of it for this test run: the machine's own Node.js comes first again. */
const machinePath = (): string =>
  (process.env['PATH'] ?? '')
    .split(':')
    .filter((folder) => !folder.includes('node_modules'))
    .join(':')
