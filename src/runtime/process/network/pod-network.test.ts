import assert from 'node:assert/strict'
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { realClock } from '../../../base/clock.ts'
import { fakeClock } from '../../../base/fake-clock.ts'
import { sendSignal } from '../../../base/send-signal.ts'
import { findProgram } from '../sandbox/find-program.ts'
import { findSandbox } from '../sandbox/find-sandbox.ts'
import { startInnerHalf } from './inner-half.ts'
import { createPodNetwork, endPodNetwork, type PodNetwork } from './pod-network.ts'
import { findProcess, keeperName, networkOf } from './processes.ts'
import { holderName } from './space.ts'

const folder = mkdtempSync(join(tmpdir(), 'sampan-network-'))
const support = await findSandbox(join(folder, 'etc'))
const bash = findProgram('bash')
const skip = !support.usable ? support.reason : bash === undefined ? 'bash is not installed' : false
/** Away from the blocks of agents. */
const block = '127.61.4.0/22'
const pod = '127.61.4.1'
const port = 3000

describe('the network of pods', { skip, timeout: 120_000 }, () => {
  let network: PodNetwork
  let keeper: Socket
  const settings = {
    folder: join(folder, 'network'),
    controlPath: join(folder, 'sockets', 'keeper'),
    questionPath: join(folder, 'sockets', 'pods', 'out'),
    block,
  }
  const { signal } = new AbortController()
  const word = { agentSocket: join(folder, 'nobody-answers') }
  const decoy = createServer((socket) => socket.end('the machine'))
  const running: ChildProcess[] = []
  const decoyPort = () => (decoy.address() as AddressInfo).port
  before(async () => {
    if (!support.usable) return
    mkdirSync(dirname(dirname(settings.questionPath)))
    await once(decoy.listen(0), 'listening')
    network = createPodNetwork(support.tools.programs, realClock)
    keeper = await network.connect(settings, word, signal)
  })
  after(() => {
    for (const child of running) child.kill('SIGKILL')
    keeper?.destroy()
    endPodNetwork(settings.folder)
    decoy.close()
    rmSync(folder, { recursive: true })
  })

  /** Runs a program there; the words after the first are its. */
  const enter = (...argv: readonly string[]): [string, readonly string[]] => {
    const [program = '', ...args] = [...(network.door()?.enter ?? []), ...argv]
    return [program, args]
  }
  const reach = async (place: string): Promise<boolean> => {
    const script = `(exec 3<>/dev/tcp/${place}) 2>/dev/null && echo reached || echo held`
    const { stdout } = await promisify(execFile)(...enter(bash ?? '', '-c', script))
    return stdout === 'reached\n'
  }
  const ask = async (question: object): Promise<object> => {
    const socket = connect(settings.questionPath)
    socket.write(`${JSON.stringify(question)}\n`)
    return JSON.parse(await text(socket)) as object
  }
  /** A server there, which tells the keeper so, as the preload does. */
  const serve = async (): Promise<ChildProcess> => {
    const program = `
      const net = require('node:net')
      net.createServer((socket) => socket.on('error', () => {}).end('a pod')).listen(${port}, '${pod}', () => {
        const told = net.connect(${JSON.stringify(settings.questionPath)}, () => told.write('{"listening":true}\\n'))
        told.on('close', () => console.log('up')).resume()
      })`
    const child = spawn(...enter(process.execPath, '--eval', program), {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    running.push(child)
    await once(child.stdout, 'data')
    return child
  }
  const call = async (): Promise<string> => {
    const socket = connect(port, pod)
    return await text(socket).catch((error: NodeJS.ErrnoException) => error.code ?? 'no code')
  }

  /** Those of this network, outer halves. */
  const keepers = () =>
    readdirSync('/proc')
      .map(Number)
      .filter(
        (pid) =>
          Number.isInteger(pid) &&
          commandOf(pid).includes('outside') &&
          commandOf(pid).join().includes(folder),
      )

  it('is found by the next agent, and made by whoever comes first where there is none', async () => {
    if (!support.usable) return
    const next = createPodNetwork(support.tools.programs, realClock)
    assert.equal(await next.find(settings.folder), true)
    const elsewhere = join(folder, 'elsewhere')
    assert.equal(await next.find(elsewhere), false)
    assert.equal(existsSync(join(elsewhere, 'trial')), false)
    let count = 0
    await next.ready() // no agent has said how: nobody waits
    next.onFirst(async () => void count++)
    // It was told how, and there is none: no pod goes where the machine is.
    for (const ready of [next.ready(), next.ready()]) await assert.rejects(ready, { code: 'start-failed' })
    assert.equal(count, 1)
  })

  it('has nothing of the machine in it', async () => {
    for (const host of ['127.0.0.1', '127.0.0.2', pod, '0.0.0.0'])
      assert.equal(await reach(`${host}/${decoyPort()}`), false, host)
  })

  it('has pods that are reached from the machine as soon as they have said that they listen, until they end', async () => {
    assert.equal(await call(), 'ECONNREFUSED')
    const child = await serve()
    assert.equal(await call(), 'a pod')
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
    await ask({ listening: true })
    assert.notEqual(await call(), 'a pod')
  })

  it('has programs without a preload that reach the outside at any port, and nothing of what is held off', async () => {
    const outside = Object.values(networkInterfaces())
      .flat()
      .find((one) => one?.family === 'IPv4' && !one.internal && !one.address.startsWith('169.254.'))
    assert.equal(await reach(`169.254.169.254/${decoyPort()}`), false)
    if (outside) assert.equal(await reach(`${outside.address}/${decoyPort()}`), true)
  })

  it('has no way to the machine that could be asked for', async () => {
    for (const host of ['127.0.0.1', 'localhost', '2130706433', '::1', '::ffff:127.0.0.1', pod]) {
      const answer = await ask({ connect: host, port: decoyPort(), namespace: 'default' })
      assert.equal('address' in answer, false, `${host} leads to ${JSON.stringify(answer)}`)
    }
  })

  it('is where a command goes beside a program of it, and only there', async () => {
    const child = await serve()
    assert.deepEqual(network.enterBeside(process.pid), [])
    assert.notEqual(networkOf(child.pid ?? 0), networkOf('self'))
    assert.deepEqual(network.enterBeside(child.pid ?? 0), network.door()?.enter)
  })

  it('has a keeper that outlasts whatever pods do to it', async () => {
    const before = findProcess(settings.folder, keeperName)
    const odd = [
      'null',
      '[]',
      '"',
      '{"connect":"x","port":99999}',
      '{"connect":1,"port":1}',
      'x'.repeat(10_000),
    ]
    for (const line of [...odd, '{"connect":"::1%lo","port":1,"namespace":{}}']) {
      const socket = connect(settings.questionPath)
      socket.on('error', () => {}) // hung up on
      socket.write(`${line}\n`)
      await once(socket.resume(), 'close')
    }
    for (let n = 0; n < 50; n++)
      connect(port, pod, function (this: Socket) {
        this.resetAndDestroy()
      }).on('error', () => {})
    assert.equal(await call(), 'a pod')
    assert.equal(findProcess(settings.folder, keeperName), before)
  })

  it('shows nothing of a pod at an address that is none of its own', async () => {
    for (const forged of ['127.0.0.77', '0.0.0.0', '::', 'localhost', '127.61.4.0']) {
      const program = `require('node:net').createServer().listen(0, '0.0.0.0', function () { console.log(this.address().port) })`
      const within = [`SAMPAN_POD_ADDRESS=${forged}`, process.execPath, '--eval', program]
      const child = spawn(...enter('env', ...within), { stdio: ['ignore', 'pipe', 'inherit'] })
      running.push(child)
      const [said] = (await once(child.stdout, 'data')) as [Buffer]
      await ask({ listening: true })
      const host = forged.startsWith('127.') ? forged : '127.0.0.1'
      const code = { code: 'ECONNREFUSED' }
      await assert.rejects(once(connect(Number(said), host), 'connect'), code, forged)
      child.kill('SIGKILL')
    }
  })

  it('believes what pods say of their addresses as little', async () => {
    const program = `require('node:net').createServer((s) => s.end('another pod')).listen(3456, '0.0.0.0', () => console.log('up'))`
    const pods = ['unshare', '--pid', '--fork', '--kill-child', 'env', `SAMPAN_POD_ADDRESS=${pod}`]
    const child = spawn(...enter(...pods, process.execPath, '--eval', program), {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    running.push(child)
    await once(child.stdout, 'data')
    await ask({ listening: true })
    await assert.rejects(once(connect(3456, pod), 'connect'), { code: 'ECONNREFUSED' })
    child.kill('SIGKILL')
  })

  it('reads no more of a question than one may have', async () => {
    const silent = createServer(() => {}).listen(join(folder, 'silent'))
    await once(silent, 'listening')
    const agent = await network.connect(settings, { agentSocket: join(folder, 'silent') }, signal)
    const socket = connect(settings.questionPath)
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.on('error', () => {}) // hung up on
    socket.write('{"connect":"example.invalid","port":1,"namespace":"default"}\n')
    let megabytes = 0
    const chunk = Buffer.alloc(1_048_576, 'x')
    while (!socket.destroyed && megabytes < 64) {
      megabytes++
      await Promise.race([closed, new Promise((resolve) => socket.write(chunk, resolve))])
    }
    assert.ok(megabytes < 64)
    agent.destroy()
    keeper.destroy()
    keeper = await network.connect(settings, word, signal)
    silent.close()
  })

  it('stays when who holds it is killed, alone or with the keeper', async () => {
    assert.equal(await call(), 'a pod')
    const holder = () => findProcess(settings.folder, holderName)
    const endHolder = async () => {
      const ended = holder()
      sendSignal(ended ?? 0, 'SIGKILL')
      await until(() => holder() !== ended)
    }
    const where = networkOf(holder() ?? 0)
    await endHolder()
    await network.ready()
    const second = holder()
    assert.equal(networkOf(second ?? 0), where)
    assert.equal(await call(), 'a pod')
    const closed = once(keeper, 'close')
    const survivor = spawn(...enter('env', `SAMPAN_OUT=${settings.questionPath}`, 'sleep', '1000'))
    running.push(survivor)
    await once(survivor, 'spawn')
    await until(() => networkOf(survivor.pid ?? 0) === where)
    const ended = findProcess(settings.folder, keeperName) ?? 0
    // Stopped, it can't mend what is killed before it is.
    sendSignal(ended, 'SIGSTOP')
    await endHolder()
    sendSignal(ended, 'SIGKILL')
    await closed
    keeper = await network.connect(settings, word, signal)
    assert.equal(networkOf(holder() ?? 0), where)
    assert.equal(await call(), 'a pod')
  })

  it('gets another keeper when the one there is stopped', async () => {
    if (!support.usable) return
    const hurried = { ...realClock, every: (ms: number, fn: () => void) => realClock.every(ms / 20, fn) }
    const next = createPodNetwork(support.tools.programs, hurried)
    const agent = await next.connect(settings, word, signal)
    const closed = [once(agent, 'close'), once(keeper, 'close')]
    const stopped = findProcess(settings.folder, keeperName) ?? 0
    sendSignal(stopped, 'SIGSTOP')
    await Promise.all(closed)
    keeper = await network.connect(settings, word, signal)
    assert.notEqual(findProcess(settings.folder, keeperName), stopped)
    assert.equal(await call(), 'a pod')
  })

  it('ends the half of a keeper that answers no more', async () => {
    const clock = fakeClock()
    const entry = join(import.meta.dirname, 'network-keeper.ts')
    const half = startInnerHalf({ enter: network.door()?.enter ?? [], entry, clock })
    const { server } = await half.listen({ address: '127.61.5.1', port: 0 })
    server.close()
    sendSignal(half.pid, 'SIGSTOP')
    const asked = half.listen({ address: '127.61.5.1', port: 0 })
    await clock.advance(60_000)
    await assert.rejects(asked, /has ended/)
    await half.ended
  })

  it('has one keeper, whoever starts another meanwhile', async () => {
    assert.equal(keepers().length, 1)
    rmSync(join(settings.folder, keeperName)) // as if an agent had been killed before it wrote that
    const other = await network.connect(settings, word, signal)
    await until(() => keepers().length < 2 && keepers()[0] === findProcess(settings.folder, keeperName))
    other.destroy()
    keeper = await network.connect(settings, word, signal)
    assert.equal(await call(), 'a pod')
  })

  it('is taken up as it is by another keeper', async () => {
    assert.equal(await call(), 'a pod')
    const before = network.door()?.enter
    const closed = once(keeper, 'close')
    sendSignal(findProcess(settings.folder, keeperName) ?? 0, 'SIGKILL')
    await closed
    keeper = await network.connect(settings, word, signal)
    assert.deepEqual(network.door()?.enter, before)
    assert.equal(await call(), 'a pod')
  })
})

const commandOf = (pid: number): readonly string[] => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  } catch {
    return [] // it has ended
  }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await realClock.sleep(10)
}
