import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readFile, rename, rm, rmdir, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it, test } from 'node:test'
import { promisify } from 'node:util'
import { realClock } from '../../../base/clock.ts'
import { describeRuntime } from '../../conformance.ts'
import type { Handle, WorkloadSpec } from '../../runtime.ts'
import { findCgroups } from '../find-cgroups.ts'
import { readChildren } from '../proc.ts'
import { openProcessRuntime } from '../process-runtime.ts'
import { openTestMachine, sandboxed, specsIn } from '../testdata/machine.ts'
import { findSandbox } from './find-sandbox.ts'
import { seccompInstructions, seccompProgram } from './seccomp.ts'

const etcFolder = await mkdtemp(join(tmpdir(), 'sampan-etc-'))
after(() => rm(etcFolder, { recursive: true }))
const support = await findSandbox(etcFolder)
const skip = support.usable ? false : support.reason
const isRoot = process.getuid?.() === 0
const groups = await findCgroups({ name: `sampan-test-${process.pid}`, dataDir: tmpdir() })
after(async () => {
  if (groups.usable) for (const folder of new Set(Object.values(groups.tree.folders))) await rmdir(folder)
})

if (support.usable) {
  const options = { sandbox: support.tools, ...(groups.usable && { cgroups: groups.tree }) }
  describeRuntime('process in a sandbox', () => openTestMachine(options))
}

test('every jump of the filter lands in it, and every path ends in an answer', () => {
  for (const arch of ['x64', 'arm64'] as const) {
    const instructions = seccompInstructions(arch)
    for (const [index, { code, ifTrue, ifFalse }] of instructions.entries()) {
      const isReturn = code === 0x06
      assert.ok(isReturn || index + 1 + Math.max(ifTrue, ifFalse) < instructions.length, `${arch} ${index}`)
      assert.ok(ifTrue < 256 && ifFalse < 256)
    }
    assert.equal(instructions.at(-1)?.code, 0x06)
    assert.equal(seccompProgram(arch).length, instructions.length * 8)
  }
})

describe('a program in a sandbox', { skip }, () => {
  const runtime = openProcessRuntime({ clock: realClock, ...(support.usable && { sandbox: support.tools }) })
  const never = new AbortController().signal
  const started: Handle[] = []
  let root = ''
  let secret = ''
  const specOf = specsIn(() => join(root, 'work'))
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'sampan-sandbox-'))
    await mkdir(join(root, 'work'))
    secret = join(root, 'secret')
    await writeFile(secret, 'a secret of the agent')
  })
  after(async () => {
    for (const handle of started) await runtime.stop(handle, { signal: 'SIGTERM', graceMs: 0 })
    await rm(root, { recursive: true })
  })
  const start = async (id: string, argv: readonly string[], extra: Partial<WorkloadSpec> = {}) => {
    const handle = await runtime.start(sandboxed(specOf(id, argv, extra)))
    started.push(handle)
    return handle
  }
  /** What a shell says, stdout and stderr. */
  const shell = async (id: string, script: string, extra: Partial<WorkloadSpec> = {}): Promise<string> => {
    const handle = await start(id, ['/bin/sh', '-c', `exec 2>&1; ${script}`], extra)
    const exit = await runtime.wait(handle, never)
    return `${await readFile(join(root, 'work', `${id}.out`), 'utf8')}exit ${exit.code}`
  }

  it('sees neither files nor processes of others', async () => {
    const said = await shell(
      'others',
      `cat ${secret}; ls /root /home; echo "pids $(ls -d /proc/[0-9]* | wc -l)"`,
    )
    assert.doesNotMatch(said, /a secret of the agent/)
    assert.match(said, /No such file or directory/)
    assert.match(said, /pids [1-6]\n/)
  })

  it('has no capability and can get none', async () => {
    const said = await shell(
      'capabilities',
      `grep -E 'Cap|NoNewPrivs|Seccomp:' /proc/self/status; id -u; hostname`,
    )
    for (const set of ['Inh', 'Prm', 'Eff', 'Bnd', 'Amb'])
      assert.match(said, new RegExp(`Cap${set}:\\s+0{16}`))
    assert.match(said, /NoNewPrivs:\s+1/)
    assert.match(said, /Seccomp:\s+2/)
    assert.match(said, /65534\ninside\n/)
  })

  it('makes no namespace, no mount and no trace', async () => {
    const said = await shell(
      'calls',
      'unshare --user true; unshare --mount true; mount -t tmpfs none /tmp; echo over',
    )
    assert.equal(said.match(/unshare failed: Operation not permitted|must be superuser/g)?.length, 3, said)
  })

  it('writes nowhere but where it may', async () => {
    const said = await shell(
      'writes',
      'for f in / /usr /etc /dev /proc/sys/kernel; do (: >$f/x) || echo "no $f"; done; : >ok && echo yes',
    )
    for (const folder of ['/', '/usr', '/etc', '/dev', '/proc/sys/kernel'])
      assert.match(said, new RegExp(`no ${folder}\n`))
    assert.match(said, /yes/)
  })

  it('cannot choose what runs outside, by its environment or its own folders', async () => {
    const evil = { LD_PRELOAD: '/no/such/library.so', PATH: `${join(root, 'work')}:/usr/bin:/bin` }
    await writeFile(join(root, 'work', 'bwrap'), '#!/bin/sh\necho taken over\n', { mode: 0o755 })
    const said = await shell('environment', 'echo "$LD_PRELOAD"', { env: evil })
    assert.match(said, /library\.so/, 'the program has its variable')
    assert.doesNotMatch(said, /taken over/)
    const errors = await readFile(join(root, 'work', 'environment.err'), 'utf8')
    assert.doesNotMatch(errors, /bwrap|setpriv/)
  })

  it('cannot choose, by its PATH, what gives a command its terminal', async () => {
    const folder = join(root, 'work', 'tools')
    const trace = join(root, 'taken-over')
    await mkdir(folder)
    for (const name of ['script', 'stty', 'sleep', 'nsenter', 'setsid', 'bwrap', 'setpriv', 'env'])
      await writeFile(join(folder, name), `#!/bin/sh\necho ${name} >>${trace}\n`, { mode: 0o755 })
    const env = { PATH: `${folder}:/usr/bin:/bin` }
    const handle = await start('terminal', ['/bin/sleep', '300'], { env })
    const argv = ['/bin/sh', '-c', 'test -t 0 && echo "$PATH"']
    const session = await runtime.execStream?.(handle, { argv, stdin: false, tty: true })
    let text = ''
    for await (const chunk of session?.stdout ?? []) text += String(chunk)
    assert.equal(existsSync(trace) && (await readFile(trace, 'utf8')), false)
    assert.equal(text, `${env.PATH}\r\n`)
  })

  const sessions = { skip: isRoot ? false : "only root's shells have sessions of their own in a sandbox" }
  it('has shells with job control in it, whose exit codes are told', sessions, async () => {
    const handle = await start('interactive', ['/bin/sleep', '300'])
    const session = await runtime.execStream?.(handle, { argv: ['/bin/sh', '-i'], stdin: true, tty: true })
    assert.ok(session?.stdin)
    // Each when what it waits for is shown: what is typed by the terminal, then by cat.
    const lines = [
      { seen: '$ ', typed: 'cat\nhere\n' },
      { seen: 'here\r\nhere\r\n', typed: '\x03' }, // to the command, not to the shell
      { seen: '^C\r\n$ ', typed: 'echo "after $?"; exit 3\n' },
    ]
    let text = ''
    for await (const chunk of session.stdout) {
      text += String(chunk)
      if (lines[0] && text.includes(lines[0].seen)) session.stdin.write(lines.shift()?.typed)
    }
    assert.match(text, /after 130/)
    assert.doesNotMatch(text, /can't|Cannot/)
    assert.equal(await session.code, 3, text)
  })

  it('has nothing of its own in the places of the programs that make its sandbox', async () => {
    const folder = join(root, 'work', 'volume')
    await mkdir(join(folder, 'bin'), { recursive: true, mode: 0o777 })
    await symlink('../usr/bin', join(folder, 'link'))
    const refused = [
      { path: '/usr/bin' },
      { path: '/usr' },
      { path: '/lib/x86_64-linux-gnu' },
      { path: '/etc' },
      { path: '/etc/ld.so.preload' },
      { path: '/data/link', within: '/data' },
    ]
    for (const [index, { path, within }] of refused.entries()) {
      const binds = [
        ...(within === undefined ? [] : [{ source: folder, path: within, readOnly: false }]),
        { source: join(folder, 'bin'), path, readOnly: false },
      ]
      const spec = specOf(`covered-${index}`, ['/bin/true'])
      const starting = runtime.start(sandboxed(spec, binds))
      await assert.rejects(
        starting,
        { code: 'start-failed', message: /mount (it|the volume) elsewhere/ },
        path,
      )
    }
  })

  const mountsInside = { skip: isRoot ? false : 'only root mounts something in a sandbox from outside' }
  it(
    'has no command run in it once something stands in the place of those programs',
    mountsInside,
    async () => {
      const folder = join(root, 'work', 'swapped')
      await mkdir(join(folder, 'under'), { recursive: true })
      const binds = [
        { source: folder, path: '/data', readOnly: false },
        { source: join(folder, 'under'), path: '/data/under', readOnly: false },
      ]
      // As a pod would have it between the look at its folders and the mount: no test can be that quick.
      const spec = sandboxed(specOf('swapped', ['/bin/sleep', '300']), binds)
      const handle = await runtime.start(spec)
      started.push(handle)
      const exec = () => runtime.exec(handle, { argv: ['/bin/true'], timeoutMs: 20_000 })
      assert.equal((await exec()).code, 0)
      const state = await runtime.inspect(handle)
      const [init = 0] = readChildren(state.phase === 'running' ? state.pid : 0)
      const mount = ['-t', String(init), '-m', '/bin/mount', '--bind', '/data', '/usr/sbin']
      await promisify(execFile)('nsenter', mount)
      await assert.rejects(exec(), { code: 'start-failed', message: /\/usr\/sbin/ })
    },
  )

  it('has volumes within others, of both kinds and at any depth', async () => {
    const folder = join(root, 'work', 'nested')
    for (const name of ['outer', 'inner', 'innermost'])
      await mkdir(join(folder, name), { recursive: true, mode: 0o777 })
    await writeFile(join(folder, 'secret'), 'of a file\n')
    for (const name of ['outer', 'inner', 'innermost']) await chmod(join(folder, name), 0o777)
    const binds = [
      { source: join(folder, 'secret'), path: '/data/in/file', readOnly: true },
      { source: join(folder, 'innermost'), path: '/data/in/deep/er', readOnly: true },
      { source: join(folder, 'inner'), path: '/data/in', readOnly: false },
      { source: join(folder, 'outer'), path: '/data', readOnly: false },
    ]
    const script = `
      cat /data/in/file; cd /data
      for f in . in in/deep/er; do true >$f/x && echo "yes $f"; done
      true >in/file || grep -c -E ' /data(/in(/file|/deep/er)?)? ' /proc/self/mountinfo
      exit 3`
    const handle = await runtime.start(sandboxed(specOf('nested', ['/bin/sh', '-c', script]), binds))
    started.push(handle)
    const { code } = await runtime.wait(handle, never)
    const said = await readFile(join(root, 'work', 'nested.out'), 'utf8')
    assert.equal(
      said,
      'of a file\nyes .\nyes in\n4\n',
      await readFile(join(root, 'work', 'nested.err'), 'utf8'),
    )
    assert.equal(code, 3)
    const written = ['outer', 'inner'].map((name) => existsSync(join(folder, name, 'x')))
    assert.deepEqual(written, [true, true])
  })

  it('is given what was meant, where others could put a link meanwhile, or is not started', async () => {
    const folder = join(root, 'work', 'shared')
    await mkdir(join(folder, 'way', 'deep'), { recursive: true })
    await writeFile(join(folder, 'way', 'file'), 'of the volume\n')
    await mkdir(join(root, 'private', 'deep'), { recursive: true })
    await writeFile(join(root, 'private', 'file'), 'of the machine\n')
    const looking = async (id: string, below: string, script: string) => {
      const binds = [{ source: join(folder, below), path: '/data', readOnly: false, isUnsteady: true }]
      const spec = sandboxed(specOf(id, ['/bin/sh', '-c', script]), binds)
      const handle = await runtime.start(spec)
      started.push(handle)
      const { code } = await runtime.wait(handle, never)
      const said = (end: 'out' | 'err') => readFile(join(root, 'work', `${id}.${end}`), 'utf8')
      return { code, out: await said('out'), err: await said('err') }
    }
    assert.deepEqual(await looking('steady', 'way', 'cat /data/file'), {
      code: 0,
      out: 'of the volume\n',
      err: '',
    })
    assert.deepEqual(await looking('steady-file', 'way/file', 'cat /data'), {
      code: 0,
      out: 'of the volume\n',
      err: '',
    })
    await rename(join(folder, 'way'), join(folder, 'aside'))
    await symlink(join(root, 'private'), join(folder, 'way'))
    for (const below of ['way', 'way/file', 'way/deep']) {
      const seen = await looking(`swapped-${below.replace('/', '-')}`, below, 'cat /data /data/file')
      assert.equal(seen.code, 126, below)
      assert.doesNotMatch(seen.out, /of the machine/)
      assert.match(seen.err, /leads over a symbolic link/)
    }
  })

  it('gets the signal that stops it, not its helpers', async () => {
    const script = `process.on('SIGTERM', () => setTimeout(() => process.exit(7), 200)); setInterval(() => {}, 1000); console.log('up')`
    const handle = await start('graceful', [process.execPath, '--eval', script])
    const output = join(root, 'work', 'graceful.out')
    while (!(await readFile(output, 'utf8')).includes('up')) {
      assert.equal((await runtime.inspect(handle)).phase, 'running')
      await realClock.sleep(10)
    }
    await runtime.stop(handle, { signal: 'SIGTERM', graceMs: 20_000 })
    const state = await runtime.inspect(handle)
    assert.equal(state.phase === 'exited' && state.exit.code, 7)
  })

  it('can be looked into, if it is Node.js', async () => {
    // Bound with the folder above it, hence seen with its own permissions.
    const stateDir = join(root, 'work', 'state-of-insight')
    await mkdir(stateDir, { mode: 0o711 })
    const argv = [process.execPath, '--eval', 'setInterval(() => {}, 1000)']
    const handle = await start('insight', argv, { node: true, stateDir })
    for (;;) {
      const [found] = (await runtime.nodeProcesses?.(handle)) ?? []
      if (!found) {
        const { phase } = await runtime.inspect(handle)
        assert.equal(phase, 'running', await readFile(join(root, 'work', 'insight.err'), 'utf8'))
        await realClock.sleep(20)
        continue
      }
      const socket = await found.connect()
      socket.write('{"ask":"metrics"}\n')
      let text = ''
      for await (const chunk of socket) text += String(chunk)
      const { metrics } = JSON.parse(text) as { readonly metrics: { readonly pid: number } }
      assert.equal(metrics.pid, found.pid)
      assert.ok(found.pid < 100, `${found.pid} is its pid inside`)
      return
    }
  })

  it('has its variables, and so have commands beside it, whatever they are called', async () => {
    const env = { 'db.password': `s3cret '"$HOME`, LD_NOTE: 'one' }
    const handle = await start('variables', ['/bin/sleep', '300'], { env })
    const argv = ['/usr/bin/env', '--null']
    const { output } = await runtime.exec(handle, { argv, timeoutMs: 20_000 })
    const lines = output.split('\0')
    for (const [name, value] of Object.entries(env)) assert.ok(lines.includes(`${name}=${value}`), output)
    assert.ok(!output.includes('_sampan_'), output)
    assert.doesNotMatch(await readFile(`/proc/${handle.pid}/cmdline`, 'utf8'), /s3cret/)
    const state = await runtime.inspect(handle)
    const outside = await readFile(`/proc/${state.phase === 'running' ? state.pid : 0}/cmdline`, 'utf8')
    assert.match(outside, /bwrap/)
    assert.doesNotMatch(outside, /s3cret/)
  })

  it('is where commands of exec run', async () => {
    const handle = await start('exec', ['/bin/sleep', '300'])
    const run = (script: string) =>
      runtime.exec(handle, { argv: ['/bin/sh', '-c', script], timeoutMs: 20_000 })
    const found = await run(
      `cat ${secret} || echo none; hostname; id -u; pwd; grep -E 'CapBnd|CapEff|NoNewPrivs|Seccomp:' /proc/self/status; unshare --user true`,
    )
    assert.doesNotMatch(found.output, /a secret/)
    assert.match(found.output, /none\ninside\n65534\n/)
    assert.ok(found.output.includes(`\n${join(root, 'work')}\n`), found.output)
    assert.match(found.output, /CapEff:\s+0{16}[^]*CapBnd:\s+0{16}[^]*NoNewPrivs:\s+1[^]*Seccomp:\s+2/)
    assert.match(found.output, /unshare failed: Operation not permitted/)
    const missing = await runtime.exec(handle, { argv: ['no-such-program'], timeoutMs: 20_000 })
    assert.equal(missing.code, 127)
  })
})
