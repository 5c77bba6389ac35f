import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, afterEach, before, describe, it } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import { realClock } from '../../base/clock.ts'
import { openProcessRuntime } from './process-runtime.ts'

// Set it to run these tests on another Node.js, such as the oldest supported.
const interpreter = process.env['SAMPAN_TEST_NODE'] ?? process.execPath
const preload = join(import.meta.dirname, 'preload.cjs')
const testdata = (name: string) => join(import.meta.dirname, 'testdata', name)
// Addresses of this test run alone: other runs on the machine have other pids.
const base = `127.${100 + (process.pid % 100)}.${Math.floor(process.pid / 100) % 250}`
const one = `${base}.1`
const two = `${base}.2`

describe('the preload', () => {
  const children: ChildProcess[] = []
  let folder = ''
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sampan-preload-'))
  })
  afterEach(async () => {
    for (const child of children.splice(0)) {
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
        process.kill(-child.pid, 'SIGKILL')
        await once(child, 'exit')
      }
    }
  })
  after(() => rm(folder, { recursive: true, force: true }))

  /** Runs a program of testdata and resolves with its first lines of output. */
  const run = async (file: string, address: string, { args = [] as string[], env = {}, lines = 1 } = {}) => {
    const child = spawn(interpreter, [testdata(file), ...args], {
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        ...env,
        NAME: `at-${address}`,
        SAMPAN_POD_ADDRESS: address,
        NODE_OPTIONS: `--require ${JSON.stringify(preload)}`,
      },
    })
    children.push(child)
    const output: string[] = []
    for await (const line of createInterface({ input: child.stdout })) {
      if (output.push(line) === lines) break
    }
    return output
  }
  const get = async (address: string, path = '/', port = 3000) =>
    await (await fetch(`http://${address}:${port}${path}`)).text()

  it('lets two copies of a program run on the same port', async () => {
    const [[said]] = await Promise.all([run('server.cjs', one), run('server.cjs', two)])
    assert.equal(await get(one), `at-${one}`)
    assert.equal(await get(two), `at-${two}`)
    // Synchronously after listen(3000), as without the preload.
    assert.deepEqual(JSON.parse(said ?? ''), { address: '::', family: 'IPv6', port: 3000 })
  })

  it('leads a program that calls its own localhost to itself', async () => {
    await Promise.all([run('server.cjs', one), run('server.cjs', two)])
    assert.equal(await get(two, '/self'), [two, two, two].map((a) => `at-${a}`).join())
  })

  it('works in ES modules', async () => {
    await Promise.all([run('server.mjs', one), run('server.mjs', two)])
    assert.deepEqual([await get(one), await get(two)], [`at-${one}`, `at-${two}`])
  })

  it("doesn't let an ES module that imports node:http load Node's WebSocket before somebody uses it", async () => {
    const server = new WebSocketServer({ host: one, port: 0 })
    server.on('connection', (socket) => socket.send('hello'))
    await once(server, 'listening')
    try {
      const { port } = server.address() as AddressInfo
      const [line] = await run('http-websocket.mjs', one, { args: [`ws://${one}:${port}`] })
      const { isIn, ...said } = JSON.parse(line ?? '') as Record<string, unknown>
      const hasIt = isIn === true // from version 22 on
      assert.deepEqual(said, {
        isLoadedAtFirst: false,
        ...(hasIt && {
          isLoadedByNow: true,
          isSameByRequire: true,
          connecting: 0,
          names: ['WebSocket', 'CloseEvent', 'MessageEvent'],
          keys: true,
          isInstance: [true, true, true],
          extended: ['Mine', true, true],
          withoutNew: 'TypeError',
          message: 'hello',
          event: ['close', 1000],
        }),
      })
    } finally {
      for (const socket of server.clients) socket.terminate()
      server.close()
    }
  })

  it('works for WebSocket servers', async () => {
    await Promise.all([run('ws.mjs', one), run('ws.mjs', two)])
    for (const address of [one, two]) {
      const socket = new WebSocket(`ws://${address}:3000`)
      await once(socket, 'open')
      socket.send('hello')
      const [message] = (await once(socket, 'message')) as [Buffer]
      assert.deepEqual(JSON.parse(message.toString()), [`at-${address}`, 5])
      socket.terminate()
    }
  })

  it('works in cluster workers, worker threads and child processes', async () => {
    await Promise.all([run('cluster.cjs', one, { lines: 4 }), run('cluster.cjs', two, { lines: 4 })])
    for (const address of [one, two]) {
      assert.equal(await get(address), `worker at-${address}`)
      assert.equal(await get(address, '/', 3001), `thread at-${address}`)
      assert.equal(await get(address, '/', 3002), `child at-${address}`)
    }
  })

  it('shows the program what it asked for, and leaves the rest alone', async () => {
    const machineLocal = createServer().listen(0, '127.0.0.1')
    await once(machineLocal, 'listening')
    const { port } = machineLocal.address() as AddressInfo
    const socketPath = join(folder, 'app.sock')
    const [line] = await run('details.cjs', one, { args: [socketPath, String(port)] })
    machineLocal.close()
    assert.deepEqual(JSON.parse(line ?? ''), {
      bothFamilies: [
        { address: '127.0.0.1', family: 'IPv4', port: 3001 },
        { address: '::1', family: 'IPv6', port: 3001 },
      ],
      localhostName: { address: '127.0.0.1', family: 'IPv4', port: 3002 },
      portOfString: { address: '::', family: 'IPv6', port: 3003 },
      taken: 'EADDRINUSE',
      elsewhere: { address: '127.0.0.77', family: 'IPv4', port: 3003 },
      anyPortIsGiven: true,
      withoutArguments: true,
      unix: socketPath,
      connectUnix: 'unix',
      connectPort: one,
      connectOptions: one,
      connectName: one,
      connectElsewhere: '127.0.0.77',
      connectMachine: 'ECONNREFUSED', // the machine's own localhost is not the pod's
      udp4: `ping at ${one}`,
      udp6: `ping at ::ffff:${one}`,
      enumerable: [],
      shape: ['', 0], // as Node.js has them
      listeners: [2, 2], // the program's own
    })
  })

  it('lets the program reach the one address of the machine that it is told of', async () => {
    const machineLocal = createServer().listen(0, '127.0.0.1')
    await once(machineLocal, 'listening')
    const { port } = machineLocal.address() as AddressInfo
    const env = { SAMPAN_PASS: `127.0.0.1:${port}` }
    const [line] = await run('pass.cjs', one, { args: [String(port)], env })
    machineLocal.close()
    assert.deepEqual(JSON.parse(line ?? ''), {
      passed: ['127.0.0.1', '127.0.0.1'],
      others: ['ECONNREFUSED', 'ECONNREFUSED'], // a port without a host is the pod's own
    })
  })

  it('comes with the process runtime, from a copy of its own, beside the NODE_OPTIONS of the program', async () => {
    const runtime = openProcessRuntime({ clock: realClock })
    const stateDir = join(folder, 'state "quoted"')
    const spec = {
      id: 'preloaded',
      argv: [process.execPath, testdata('server.cjs')],
      cwd: folder,
      env: { NAME: 'runtime', NODE_OPTIONS: '--max-http-header-size=9999' },
      address: one,
      node: true,
      stdoutPath: join(folder, 'out'),
      stderrPath: join(folder, 'err'),
      stateDir,
    }
    const handle = await runtime.start(spec)
    try {
      while (!(await readFile(spec.stdoutPath, 'utf8')).includes('\n')) await realClock.sleep(10)
      assert.equal(await get(one), 'runtime')
      const argv = [process.execPath, '-p', 'require("http").maxHeaderSize']
      assert.equal((await runtime.exec(handle, { argv, timeoutMs: 10_000 })).output, '9999\n')
    } finally {
      await runtime.stop(handle, { signal: 'SIGTERM', graceMs: 0 })
    }
    assert.equal(await readFile(spec.stderrPath, 'utf8'), '')
  })
})
