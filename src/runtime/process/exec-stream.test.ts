import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { after, before, describe, it, type TestContext } from 'node:test'
import { realClock } from '../../base/clock.ts'
import type { ExecSession, ExecStreamSpec } from '../runtime.ts'
import { execStreamIn } from './exec-stream.ts'

describe('commands with streams', () => {
  let cwd = ''
  before(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'sampan-exec-'))
  })
  after(() => rm(cwd, { recursive: true, force: true }))

  const env = { PATH: process.env['PATH'] ?? '', GREETING: 'hello' }
  const open = (argv: readonly string[], more: Partial<ExecStreamSpec> = {}): Promise<ExecSession> =>
    execStreamIn({ env, cwd, folders: [] }, { argv, stdin: false, tty: false, ...more }, realClock)

  /** Reads until the output holds `wanted`. */
  async function seen(stream: Readable, wanted: RegExp): Promise<string> {
    let all = ''
    for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
      all += String(chunk)
      if (wanted.test(all)) return all
    }
    assert.fail(`ended without ${String(wanted)}: ${all}`)
  }

  it('keeps stdout and stderr apart and reports the exit code', async () => {
    const session = await open(['sh', '-c', 'echo $GREETING; pwd >&2; exit 42'])
    assert.ok(session.stderr)
    assert.deepEqual(await Promise.all([text(session.stdout), text(session.stderr)]), ['hello\n', `${cwd}\n`])
    assert.equal(await session.code, 42)
  })

  it('passes 20 MiB through a command unharmed', async () => {
    const session = await open(['cat'], { stdin: true })
    session.stderr?.resume()
    assert.ok(session.stdin)
    const block = randomBytes(1024 * 1024)
    const sent = createHash('sha256')
    const got = createHash('sha256')
    const blocks = function* () {
      for (let i = 0; i < 20; i++) {
        sent.update(block)
        yield block
      }
    }
    const reading = (async () => {
      for await (const chunk of session.stdout) got.update(chunk as Buffer)
    })()
    await pipeline(Readable.from(blocks()), session.stdin)
    await reading
    assert.equal(await session.code, 0)
    assert.equal(got.digest('hex'), sent.digest('hex'))
  })

  it('makes a terminal with programs of the system, whatever stands first in the PATH', async () => {
    const planted = await mkdtemp(join(cwd, 'planted-'))
    for (const name of ['script', 'stty', 'sleep', 'sh'])
      await writeFile(join(planted, name), '#!/bin/sh\necho taken over\n', { mode: 0o755 })
    const within = { env: { PATH: `${planted}:${env.PATH}` }, cwd, folders: [] }
    const argv = ['/bin/echo', 'plain']
    const session = await execStreamIn(within, { argv, stdin: false, tty: true }, realClock)
    session.resize({ columns: 80, rows: 24 })
    assert.equal(await text(session.stdout), 'plain\r\n')
  })

  it('gives an empty stdin to a command without one', async () => {
    const session = await open(['cat'])
    assert.equal(await text(session.stdout), '')
    assert.equal(await session.code, 0)
  })

  it('names a program that is not there, and one in a folder that is not there', async () => {
    const entering = { enters: { pid: process.pid, program: 'no-such-command' } }
    const asked = [
      open(['no-such-command']),
      open(['no-such-command'], { tty: true }),
      open(['true', 'no-such-command'], entering),
    ]
    for (const session of asked)
      await assert.rejects(session, {
        code: 'start-failed',
        message: 'exec: "no-such-command": executable file not found in $PATH',
      })
    await assert.rejects(open(['/etc']), { code: 'start-failed', message: /EACCES/ })
    await assert.rejects(open(['true'], { cwd: '/no/such' }), { message: /working directory \/no\/such/ })
  })

  it('reports the signal that ended it as a shell does', async () => {
    const session = await open(['sh', '-c', 'kill -9 $$'])
    session.stdout.resume()
    session.stderr?.resume()
    assert.equal(await session.code, 137)
  })

  it('kills what ignores the hang-up', async () => {
    const session = await open(['sh', '-c', `trap '' HUP; echo on; while :; do sleep 0.1; done`])
    session.stderr?.resume()
    await seen(session.stdout, /on/)
    session.kill()
    session.stdout.resume()
    assert.equal(await session.code, 137)
  })

  const withoutScript = (t: TestContext) => {
    if (process.platform === 'linux') return false
    t.skip('script(1) of util-linux is needed')
    return true
  }

  it('gives a terminal that echoes, resizes and hands the exit code on', async (t) => {
    if (withoutScript(t)) return
    const argv = [
      'sh',
      '-c',
      `test -t 0 && test -t 1 && echo "it's a terminal"
      until stty size | grep 132; do sleep 0.02; done; read line; exit 7`,
    ]
    const session = await open(argv, { stdin: true, tty: true })
    assert.equal(session.stderr, undefined)
    await seen(session.stdout, /it's a terminal\r\n/)
    session.resize({ columns: 132, rows: 43 })
    await seen(session.stdout, /43 132/)
    session.stdin?.write('typed\n')
    await seen(session.stdout, /typed\r\n/)
    session.stdout.resume()
    assert.equal(await session.code, 7)
  })

  it('tells a program in a terminal about its new size', async (t) => {
    if (withoutScript(t)) return
    // It is told of rows and columns one after the other.
    const look = 'size=$(stty size); echo "$size"; [ "$size" != "40 100" ] || exit 3'
    const script = `trap '${look}' WINCH; echo ready; while :; do sleep 0.05; done`
    const session = await open(['sh', '-c', script], { tty: true })
    await seen(session.stdout, /ready/)
    session.resize({ columns: 80, rows: 24 })
    session.resize({ columns: 90, rows: 30 })
    session.resize({ columns: 100, rows: 40 })
    await seen(session.stdout, /40 100/)
    session.stdout.resume()
    assert.equal(await session.code, 3)
  })

  it('ends what runs in a terminal on hanging up', async (t) => {
    if (withoutScript(t)) return
    const session = await open(['sh', '-c', 'echo $$; sleep 300'], { stdin: true, tty: true })
    const pid = Number(/\d+/.exec(await seen(session.stdout, /\d+\r\n/))?.[0])
    session.stdout.resume()
    session.kill()
    await session.code
    const isGone = () => {
      try {
        process.kill(pid, 0)
        return false
      } catch {
        return true // ESRCH
      }
    }
    while (!isGone()) await realClock.sleep(10)
  })
})
