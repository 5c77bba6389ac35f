/** What Sampan sees inside of a pod's Node.js: numbers, profiles, DevTools, crashes. Against a whole Sampan. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { WebSocket } from 'ws'
import { openCluster, root, until, type Cluster } from '../support/cluster.ts'
import { pod, yaml } from '../support/manifests.ts'

let cluster: Cluster
const folder = mkdtempSync(join(tmpdir(), 'sampan-insight-'))
before(async () => {
  cluster = await openCluster()
  cluster.ok('apply -f -', {
    input: yaml(
      pod('busy', 'profiled', { env: { BUSY: '30' } }),
      pod('calm', 'profiled'),
      pod('small', 'profiled', { env: { NODE_OPTIONS: '--max-old-space-size=20' } }),
    ),
  })
  cluster.ok('wait --for=condition=Ready pod/busy pod/calm pod/small --timeout=120s')
})
after(async () => {
  await cluster[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

/** The value of one series of a pod; undefined while there is none. */
async function metric(name: string, podName: string, more = ''): Promise<number | undefined> {
  const { stdout } = await cluster.run(['get', '--raw', '/api/v1/nodes/node-1/proxy/metrics/nodejs'])
  const line = stdout
    .split('\n')
    .find((each) => each.startsWith(`${name}{`) && each.includes(`pod="${podName}"`) && each.includes(more))
  return line === undefined ? undefined : Number(line.split(' ').at(-1))
}

const appProxy = (name: string, path: string) =>
  cluster.run(['get', '--raw', `/api/v1/namespaces/default/pods/${name}:3000/proxy${path}`])

const sampan = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  spawn(process.execPath, [join(root, 'bin', 'sampan'), ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: folder, KUBECONFIG: cluster.kubeconfig, ...env },
  })

async function ended(child: ReturnType<typeof sampan>) {
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk) => (stdout += String(chunk)))
  child.stderr.on('data', (chunk) => (stderr += String(chunk)))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stdout, stderr }
}

test('numbers of a busy and of a calm pod, and requests in flight', async () => {
  await until('the busy pod is busier than the calm one', async () => {
    const busy = await metric('nodejs_eventloop_utilization', 'busy')
    const calm = await metric('nodejs_eventloop_utilization', 'calm')
    return busy !== undefined && calm !== undefined && busy > 0.15 && calm < busy ? true : undefined
  })
  const late = await until('the loop of the busy pod is late', async () => {
    const value = await metric('nodejs_eventloop_lag_p99_seconds', 'busy')
    return value !== undefined && value > 0.005 ? value : undefined
  })
  assert.ok(late < 5)
  assert.ok(((await metric('nodejs_heap_space_size_used_bytes', 'calm', 'space="old_space"')) ?? 0) > 1e6)
  assert.equal(await metric('nodejs_processes', 'calm'), 1)
  assert.equal(await metric('nodejs_http_requests_in_flight', 'calm'), 0)
  const waiting = cluster.follow(['get', '--raw', '/api/v1/namespaces/default/pods/calm:3000/proxy/wait'])
  await until('the request is seen', async () =>
    (await metric('nodejs_http_requests_in_flight', 'calm')) === 1 ? true : undefined,
  )
  assert.ok(((await metric('nodejs_open_connections', 'calm')) ?? 0) >= 1)
  await waiting[Symbol.asyncDispose]()
})

test('a CPU profile has the function that is busy', async () => {
  const file = join(folder, 'busy.cpuprofile')
  const { code, stderr, stdout } = await ended(sampan(['profile', 'busy', '--cpu', '2s', '-o', file]))
  assert.deepEqual([code, stderr], [0, ''])
  assert.match(stdout, /wrote .*busy\.cpuprofile/)
  // As DevTools need it: a tree of nodes, and a sample with its time for each step.
  const profile = JSON.parse(readFileSync(file, 'utf8')) as {
    readonly nodes: readonly { readonly id: number; readonly callFrame: { readonly functionName: string } }[]
    readonly samples: readonly number[]
    readonly timeDeltas: readonly number[]
    readonly startTime: number
    readonly endTime: number
  }
  const rowing = profile.nodes.filter(({ callFrame }) =>
    ['rowTheBoat', 'stroke'].includes(callFrame.functionName),
  )
  const own = profile.samples.filter((id) => rowing.some((node) => node.id === id)).length
  assert.ok(own > 50, `${own} of ${profile.samples.length} samples`)
  assert.equal(profile.samples.length, profile.timeDeltas.length)
  assert.ok(profile.endTime - profile.startTime > 1_500_000)
})

test('a heap snapshot has the objects of the app', async () => {
  await appProxy('calm', '/store')
  const { code, stderr } = await ended(sampan(['profile', 'calm', '--heap']))
  assert.deepEqual([code, stderr], [0, ''])
  const [file = ''] = readdirSync(folder).filter((name) => /^calm-\d{8}T\d{6}\.heapsnapshot$/.test(name))
  const { nodes, snapshot, strings } = JSON.parse(readFileSync(join(folder, file), 'utf8'))
  const fields = snapshot.meta.node_fields as readonly string[]
  assert.equal(nodes.length, snapshot.node_count * fields.length)
  const barrel = strings.indexOf('Barrel')
  let barrels = 0
  for (let at = fields.indexOf('name'); at < nodes.length; at += fields.length)
    if (nodes[at] === barrel) barrels++
  assert.ok(barrels >= 1000, String(barrels))
})

test('what stands in the way of a profile is told', async () => {
  const failing = async (...args: string[]) => {
    const { code, stderr } = await ended(sampan(['profile', ...args]))
    assert.equal(code, 1)
    return stderr
  }
  assert.match(await failing('calm'), /--cpu 30s or --heap/)
  assert.match(await failing('nobody', '--heap'), /pods "nobody" not found/)
  assert.match(
    await failing('calm', '--heap', '--pid', '1234567'),
    /no Node\.js process .* pid 1234567; there are: \d+/,
  )
  assert.match(await failing('calm', '--cpu', '400s'), /at most 300 seconds/)
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.endsWith('.partial')),
    [],
  )
})

test('whoever may run commands in a pod may look into it, and nobody else', () => {
  const can = (user: string, verb: string, what: string) =>
    cluster.kubectl(
      ['create', '--raw', `/api/v1/namespaces/default/pods/calm/${what}`, `--as=${user}`, '-f', '-'],
      {
        input: '',
      },
    ).stderr + verb
  assert.match(can('stranger', '', 'profile?kind=heap'), /cannot create resource "pods\/exec"/)
  cluster.ok('create role looker --verb=create --resource=pods/exec')
  cluster.ok('create rolebinding looker --role=looker --user=looker')
  assert.equal(can('looker', '', 'profile?kind=cpu&seconds=0.1'), '')
})

test('DevTools attach, stop the program at a breakpoint and let it go', async (t) => {
  const child = sampan(['inspect', 'calm'])
  const gone = ended(child)
  t.after(() => child.kill('SIGKILL'))
  let said = ''
  child.stdout.on('data', (chunk) => (said += String(chunk)))
  const address = await until(
    'it says where',
    () => /^devtools:\/\/devtools\/bundled\/js_app\.html\?v8only=true&ws=(.+)$/m.exec(said)?.[1],
  )
  const url = `ws://${address}`
  await assert.rejects(connected(url.replace(/[^/]+$/, 'guess')), /40[04]/)
  const devTools = await connected(url)
  const { result } = await devTools.ask('Runtime.evaluate', { expression: 'process.env.HOSTNAME' })
  assert.equal(result.value, 'calm')
  await devTools.ask('Debugger.enable')
  void devTools.ask('Debugger.pause')
  const answer = appProxy('calm', '/')
  await until('it stands still', () => (devTools.events.includes('Debugger.paused') ? true : undefined))
  devTools.socket.close()
  assert.equal((await answer).stdout, 'ok\n')
  // And again.
  const again = await connected(url)
  assert.equal((await again.ask('Runtime.evaluate', { expression: '6 * 7' })).result.value, 42)
  child.kill('SIGINT')
  const { code, stderr } = await gone
  assert.deepEqual([code, stderr], [0, ''])
})

interface Evaluated {
  readonly result: { readonly value: unknown }
}

async function connected(url: string) {
  const socket = new WebSocket(url)
  await once(socket, 'open')
  const events: string[] = []
  const waiting = new Map<number, (result: Evaluated) => void>()
  socket.on('message', (text: Buffer) => {
    const { id, method, result } = JSON.parse(String(text)) as {
      readonly id: number
      readonly method?: string
      readonly result: Evaluated
    }
    if (method !== undefined) events.push(method)
    else waiting.get(id)?.(result)
  })
  let id = 0
  const ask = (method: string, params: object = {}) =>
    new Promise<Evaluated>((resolve) => {
      waiting.set(++id, resolve)
      socket.send(JSON.stringify({ id, method, params }))
    })
  return { socket, events, ask }
}

const eventsOf = (reason: string) =>
  JSON.parse(cluster.ok(`get events --field-selector reason=${reason} -o json`)).items as readonly {
    readonly type: string
    readonly message: string
    readonly involvedObject: { readonly name: string }
  }[]

test('an uncaught exception and a full heap are events, with the stack', async () => {
  await appProxy('busy', '/crash')
  const [uncaught] = await until('the exception is an event', () => {
    const found = eventsOf('UncaughtException')
    return found.length > 0 ? found : undefined
  })
  assert.equal(uncaught?.type, 'Warning')
  assert.equal(uncaught.involvedObject.name, 'busy')
  assert.match(uncaught.message, /^RangeError: the boat is full\n\s+at Server\.<anonymous> .*main\.js:\d+/)
  await appProxy('small', '/fill')
  const [full] = await until('the full heap is an event', () => {
    const found = eventsOf('HeapOutOfMemory')
    return found.length > 0 ? found : undefined
  })
  assert.match(full?.message ?? '', /JavaScript heap out of memory/)
  const { lastState } = JSON.parse(cluster.ok('get pod busy -o json')).status.containerStatuses[0]
  assert.match(lastState.terminated.message, /Node\.js v/)
})
