// The scripts of package.json. Plain JavaScript for Node 20 without any dependency: it is what runs before
// `npm ci` has. Everything else runs with the interpreter that `npm ci` brings.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const node = join(root, 'node_modules', 'node', 'bin', 'node')
const bin = (name) => join(root, 'node_modules', '.bin', name)

const tasks = {
  start: (args) => run(node, [join(root, 'bin', 'sampan'), 'up', '--example', ...args]),
  ok: checkAll,
  test: (args) => run(node, [join(root, 'tools', 'test.ts'), ...args]),
  bench: (args) => run(node, [join(root, 'bench', 'bench.ts'), ...args]),
  build: () => run(node, [join(root, 'tools', 'build.ts')]),
}

/** Types, lint and format side by side, then the unit tests. */
async function checkAll() {
  const codes = await Promise.all([
    run(bin('tsc'), ['-p', root]),
    run(bin('oxlint'), ['--type-aware', '--quiet']),
    run(bin('oxfmt'), ['--check', '.'], { quiet: true }),
  ])
  if (codes.some((code) => code !== 0)) return 1
  return run(node, [join(root, 'tools', 'test.ts'), '--unit'])
}

/** Runs a command to its end and passes signals on; resolves with its exit code. */
function run(command, args, { quiet = false } = {}) {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, PATH: `${join(root, 'node_modules', '.bin')}:${process.env.PATH}` }
    const stdio = quiet ? ['ignore', 'pipe', 'pipe'] : 'inherit'
    const child = spawn(command, args, { cwd: root, env, stdio })
    let output = ''
    child.stdout?.on('data', (chunk) => (output += chunk))
    child.stderr?.on('data', (chunk) => (output += chunk))
    const pass = (signal) => child.kill(signal)
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, pass)
    child.on('error', reject)
    child.on('exit', (code, signal) => {
      for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.off(name, pass)
      if (quiet && code !== 0) process.stderr.write(output)
      resolve(signal ? 128 + 15 : (code ?? 1))
    })
  })
}

/** `npm ci`, unless what is installed is what this very lock file names. */
async function ensureInstalled() {
  if (existsSync(node) && isInstalled()) return
  console.error('installing dependencies (npm ci) …')
  const code = await run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])
  if (code !== 0) fail('npm ci failed: its message above names the cause; mend it and run this again')
  if (!existsSync(node)) {
    fail(
      'npm ci brought no interpreter: allow the install script of the package `node` (npm install-scripts approve node) and run this again',
    )
  }
}

/** By what npm writes down last, whoever has run it. Optional packages may be for other systems. */
function isInstalled() {
  const packagesOf = (file) => JSON.parse(readFileSync(join(root, file), 'utf8')).packages
  const wanted = Object.entries(packagesOf('package-lock.json')).filter(([path]) => path !== '')
  let present
  try {
    present = packagesOf(join('node_modules', '.package-lock.json'))
  } catch {
    return false // nothing, or no longer whole
  }
  return wanted.every(([path, { integrity, optional, devOptional }]) => {
    const found = present[path]
    return found ? found.integrity === integrity : optional || devOptional
  })
}

function fail(message) {
  console.error(message)
  process.exit(1)
}

const [name, ...args] = process.argv.slice(2)
if (!name || !(name in tasks)) fail(`usage: node tools/run.mjs ${Object.keys(tasks).join('|')}`)
await ensureInstalled()
process.exitCode = await tasks[name](args)
