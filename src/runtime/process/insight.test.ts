import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Duplex } from 'node:stream'
import { afterEach, beforeEach, describe, it } from 'node:test'
import type { NodeProcess } from '../runtime.ts'
import { findNodeProcesses, installPreload, watchListening } from './insight.ts'

// Set it to run these tests on another Node.js, such as the oldest supported.
const interpreter = process.env['SAMPAN_TEST_NODE'] ?? process.execPath
const testdata = (name: string) => join(import.meta.dirname, 'testdata', name)

describe('insight into a Node.js process', () => {
  const children: ChildProcess[] = []
  let stateDir = ''
  beforeEach(async () => {
    // Longer than the path of a socket may be.
    stateDir = await mkdtemp(join(tmpdir(), `sampan-insight-${'x'.repeat(100)}-`))
    installPreload(stateDir)
  })
  afterEach(async () => {
    for (const child of children.splice(0)) await end(child)
    await rm(stateDir, { recursive: true, force: true })
  })

  const start = async (file = 'insight.cjs', ...args: string[]) => {
    const child = spawn(interpreter, [testdata(file), ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { NODE_OPTIONS: `--require ${JSON.stringify(join(stateDir, 'preload.cjs'))}` },
    })
    children.push(child)
    for await (const line of createInterface({ input: child.stdout })) return { child, line }
    throw new Error('it said nothing')
  }
  const found = async (count = 1): Promise<readonly NodeProcess[]> => {
    for (;;) {
      const processes = await findNodeProcesses(stateDir)
      if (processes.length >= count) return processes
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  const first = async (): Promise<NodeProcess> => {
    const [process] = await found()
    assert.ok(process)
    return process
  }
  const metricsOf = async (process: NodeProcess) => {
    const { metrics } = JSON.parse((await readAll(await ask(process, { ask: 'metrics' }))).toString()) as {
      readonly metrics: Record<string, number> & { readonly spaces: readonly { readonly name: string }[] } & {
        readonly gc: Record<string, { count: number }>
        readonly delay?: { readonly p99: number; readonly max: number }
      }
    }
    return metrics
  }

  it('the program says where it listens, of the first ports only', async () => {
    const told: number[] = []
    const stops: (() => void)[] = []
    const watch = (port: number) =>
      new Promise<void>((resolve) => {
        const stop = watchListening(stateDir, [port], () => {
          told.push(port)
          resolve()
        })
        assert.ok(stop)
        stops.push(stop)
        // An agent that ends is not kept by those it still waits for.
        assert.ok(!process.getActiveResourcesInfo().includes('FSEventWrap'))
      })
    const [first, last] = [watch(3_000), watch(3_007)]
    void watch(3_008)
    const program = `
      const net = require('node:net')
      const listen = (port) => port === 3012 ? console.log('all') : net.createServer().listen(port, () => listen(port + 1))
      net.createServer().listen(3000, 'localhost', () => setImmediate(listen, 3001))`
    const child = spawn(interpreter, ['-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        SAMPAN_POD_ADDRESS: `127.${100 + (process.pid % 100)}.${Math.floor(process.pid / 100) % 250}.9`,
        NODE_OPTIONS: `--require ${JSON.stringify(join(stateDir, 'preload.cjs'))}`,
      },
    })
    children.push(child)
    await Promise.all([first, last, once(child.stdout, 'data')])
    await watch(3_000) // also when it has said so before
    assert.deepEqual(told, [3_000, 3_007, 3_000])
    const marks = (await readdir(join(stateDir, 'insight'))).filter((name) => name.startsWith('listening-'))
    const eight = Array.from({ length: 8 }, (_, index) => `listening-${3_000 + index}`)
    assert.deepEqual(marks.toSorted(), eight)
    for (const stop of stops) stop()
    assert.equal(
      watchListening(tmpdir(), [3_000], () => {}),
      undefined,
    )
  })

  it('a program that makes file after file in the folder is not listened to for long', async () => {
    let isTold = false
    const stop = watchListening(stateDir, [3_000], () => (isTold = true))
    for (let index = 0; index < 512; index++) await writeFile(join(stateDir, 'insight', `${index}`), '')
    await writeFile(join(stateDir, 'insight', 'listening-3000'), '')
    // A watch of the same folder that began later hears of the same changes later.
    const later = new Promise<void>((resolve) => {
      assert.ok(watchListening(stateDir, [3_002], resolve))
    })
    await writeFile(join(stateDir, 'insight', 'listening-3002'), '')
    await later
    assert.equal(isTold, false)
    stop?.()
  })

  it('numbers move under load, and the program sees nothing of it', async () => {
    const { child, line: port } = await start()
    const url = `http://127.0.0.1:${port}`
    const seen = async () => {
      const all = (await (await fetch(`${url}/handles`)).json()) as Record<'handles' | 'resources', string[]>
      return [...new Set([...all.handles, ...all.resources])].toSorted()
    }
    const unasked = await seen()
    assert.ok(!unasked.includes('Timeout'), String(unasked))
    const process = await first()
    assert.equal(process.pid, child.pid)
    assert.deepEqual(await seen(), unasked)
    const before = await metricsOf(process)
    assert.equal(before['requests'], 0)
    assert.ok(before.spaces.some(({ name }) => name === 'old_space'))
    const waiting = [fetch(`${url}/wait`), fetch(`${url}/wait`)]
    // The delay is known from the second call of its timer on.
    for (let times = 0; times < 2; times++) await fetch(`${url}/burn`)
    const under = await metricsOf(process)
    assert.equal(under['requests'], 2)
    assert.ok((under['connections'] ?? 0) >= 2, String(under['connections']))
    assert.ok((under['utilization'] ?? 0) > (before['utilization'] ?? 1) || (under['utilization'] ?? 0) > 0.2)
    assert.ok((under.delay?.max ?? 0) > 0.1, JSON.stringify(under.delay))
    await fetch(`${url}/release`)
    await Promise.all(waiting)
    assert.equal((await metricsOf(process))['requests'], 0)
    assert.deepEqual(await seen(), unasked)
  })

  it('a CPU profile names the function that was busy, one at a time', async () => {
    const { line: port } = await start()
    const process = await first()
    const profile = await ask(process, { ask: 'cpu-profile', seconds: 3 })
    assert.equal(await headOf(profile), '{"ok":true}')
    const second = await readAll(await ask(process, { ask: 'heap-snapshot' }))
    assert.match(second.toString(), /^\{"error":"this process is already being profiled/)
    await fetch(`http://127.0.0.1:${port}/burn`)
    const { nodes, samples } = JSON.parse(unframed(await readAll(profile)).toString()) as {
      readonly nodes: readonly { readonly callFrame: { readonly functionName: string } }[]
      readonly samples: readonly number[]
    }
    assert.ok(nodes.some(({ callFrame }) => callFrame.functionName === 'burnTheCpu'))
    assert.ok(samples.length > 10)
    assert.match(
      (await readAll(await ask(process, { ask: 'cpu-profile', seconds: 301 }))).toString(),
      /at most 300/,
    )
    assert.match((await readAll(await ask(process, { ask: 'nonsense' }))).toString(), /no such question/)
  })

  it('whoever goes away ends the profile', async () => {
    await start()
    const process = await first()
    const profile = await ask(process, { ask: 'cpu-profile', seconds: 300 })
    await headOf(profile)
    profile.destroy()
    for (;;) {
      const next = await ask(process, { ask: 'cpu-profile', seconds: 0.1 })
      const head = await headOf(next)
      next.destroy()
      if (head === '{"ok":true}') break
    }
  })

  it('a heap snapshot is whole', async () => {
    await start()
    const snapshot = await ask(await first(), { ask: 'heap-snapshot' })
    assert.equal(await headOf(snapshot), '{"ok":true}')
    const { snapshot: head, nodes } = JSON.parse(unframed(await readAll(snapshot)).toString())
    assert.equal(nodes.length, head.node_count * head.meta.node_fields.length)
  })

  it('DevTools speak to the main thread, which can stand still', async () => {
    const { line: port } = await start()
    const process = await first()
    const control = await ask(process, { ask: 'inspect' })
    assert.match(await headOf(control), /"ok":true/)
    const socket = await process.connectInspector()
    const lines = createInterface({ input: socket })[Symbol.asyncIterator]()
    const until = async (
      test: (message: Record<string, unknown>) => boolean,
    ): Promise<Record<string, unknown>> => {
      for (;;) {
        const { value } = await lines.next()
        const message = JSON.parse(String(value)) as Record<string, unknown>
        if (test(message)) return message
      }
    }
    const say = (message: object) => socket.write(`${JSON.stringify(message)}\n`)
    say({ id: 1, method: 'Runtime.evaluate', params: { expression: '6 * 7' } })
    assert.deepEqual((await until(({ id }) => id === 1))['result'], {
      result: { type: 'number', value: 42, description: '42' },
    })
    say({ id: 2, method: 'No.such' })
    assert.match(JSON.stringify(await until(({ id }) => id === 2)), /error/)
    say({ id: 3, method: 'Debugger.enable' })
    await until(({ id }) => id === 3)
    say({ id: 4, method: 'Debugger.pause' })
    const answer = fetch(`http://127.0.0.1:${port}/`)
    await until(({ method }) => method === 'Debugger.paused')
    say({ id: 5, method: 'Runtime.evaluate', params: { expression: '1 + 1' } })
    await until(({ id }) => id === 5)
    // A debugger that goes away leaves nothing standing still.
    socket.destroy()
    assert.equal(await (await answer).text(), 'ok')
    control.destroy()
  })

  it('nothing is kept alive, and what has ended is not found for long', async () => {
    const { child } = await start('insight.cjs', 'short', '800')
    if (child.exitCode === null) await once(child, 'exit')
    assert.equal(child.exitCode, 0)
    const [ended] = await findNodeProcesses(stateDir)
    if (ended) await assert.rejects(ended.connect(), { name: 'RuntimeError', code: 'not-found' })
    assert.deepEqual(await findNodeProcesses(stateDir), [])
  })

  it('short-lived children leave nothing, and what others left is cleared away', async () => {
    const folder = join(stateDir, 'insight')
    await start('insight.cjs', 'short', '1')
    assert.deepEqual(await readdir(folder), [])
    for (let pid = 5_000_000; pid < 5_000_040; pid++) await writeFile(join(folder, `${pid}.sock`), '')
    await start()
    const process = await readyProcess(children.at(-1)?.pid ?? 0)
    assert.deepEqual(
      (await findNodeProcesses(stateDir)).map(({ pid }) => pid),
      [process],
    )
  })
  const readyProcess = async (pid: number): Promise<number> => {
    while (!(await readdir(join(stateDir, 'insight'))).includes(`${pid}.sock`))
      await new Promise((resolve) => setTimeout(resolve, 20))
    return pid
  }

  it('a link in the folder is not followed', async () => {
    await symlink('/dev/log', join(stateDir, 'insight', '1.sock'))
    const [process] = await findNodeProcesses(stateDir)
    await assert.rejects(process?.connect() ?? Promise.resolve(), { code: 'not-found' })
  })
})

async function ask(process: NodeProcess, question: object): Promise<Duplex> {
  const socket = await process.connect()
  socket.on('error', () => {}) // the test sees what came
  socket.write(`${JSON.stringify(question)}\n`)
  return socket
}

async function readAll(socket: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** The first line; what follows is left unread. */
async function headOf(socket: Duplex): Promise<string> {
  let text = Buffer.alloc(0)
  for (;;) {
    const chunk = socket.read() as Buffer | null
    if (chunk) text = Buffer.concat([text, chunk])
    const at = text.indexOf('\n')
    if (at >= 0) {
      if (at + 1 < text.length) socket.unshift(text.subarray(at + 1))
      return text.subarray(0, at).toString()
    }
    if (socket.readableEnded || socket.destroyed) throw new Error(`no line: ${text.toString()}`)
    await Promise.race([once(socket, 'readable'), once(socket, 'close')])
  }
}

function unframed(bytes: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; ;) {
    const length = bytes.readUInt32BE(at)
    if (length === 0) {
      assert.equal(at + 4, bytes.length)
      return Buffer.concat(parts)
    }
    parts.push(bytes.subarray(at + 4, at + 4 + length))
    at += 4 + length
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}
