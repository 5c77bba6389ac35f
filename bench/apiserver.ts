/**
 * The API server in this process: a list of 10,000 pods as bytes, as a page and as a table; creates one after another and
 * 64 at once; what an object costs in the watch cache; one change told to a thousand watchers. No peer: a kube-apiserver
 * is not to be had here.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { listenApi } from '../src/apiserver/listen.ts'
import { openApiServer, type ApiResponse, type ApiServer } from '../src/apiserver/server.ts'
import { staticAuthenticator } from '../src/apiserver/stages/authenticate.ts'
import { resources } from '../src/api/table.ts'
import { realClock } from '../src/base/clock.ts'
import { realRandom } from '../src/base/ids.ts'
import { silentLogger } from '../src/base/logger.ts'
import { openMemoryStore } from '../src/store/memory/memory-store.ts'
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.ts'
import type { Store } from '../src/store/store.ts'
import { podOf } from './api/pod.ts'
import { median, type Bench, type Row } from './report.ts'

const podCount = 10_000
const repeats = 9
const path = '/api/v1/namespaces/default/pods'
const user = { name: 'bench', groups: ['system:masters'] }
const token = 'bench'
const logger = silentLogger
const clock = realClock

export const benchApiServer: Bench = async (progress) => {
  const rows: Row[] = []
  await using memory = await openMemoryStore({ clock, logger })
  await using server = await open(memory)
  progress(`creating ${podCount} pods`)
  rows.push(...(await creates(server, 'memory')))
  await fill(server)
  rows.push(...(await lists(server)), await cacheMemory(memory), await fanOut(server))
  const directory = await mkdtemp(join(tmpdir(), 'sampan-bench-'))
  {
    await using sqlite = await openSqliteStore(join(directory, 'store.db'), { clock, logger })
    await using durable = await open(sqlite)
    progress('creating pods durably')
    rows.push(...(await creates(durable, 'sqlite')))
  }
  await rm(directory, { recursive: true })
  return rows
}

const open = (store: Store): Promise<ApiServer> =>
  openApiServer({
    store,
    resources,
    authenticate: staticAuthenticator([{ token, user }]),
    clock,
    random: realRandom,
    logger,
  })

const create = (server: ApiServer, name: string): Promise<ApiResponse> =>
  server.handle({ method: 'POST', path, headers: {}, user, body: Buffer.from(JSON.stringify(podOf(name))) })

async function fill(server: ApiServer): Promise<void> {
  for (let i = 0; i < podCount; i += 100)
    await Promise.all(Array.from({ length: 100 }, (_, j) => create(server, `pod-${i + j}`)))
}

async function creates(server: ApiServer, store: string): Promise<Row[]> {
  const one: number[] = []
  for (let i = 0; i < 500; i++) one.push(await timed(() => create(server, `warm-${i}`)))
  const manyMs = await timed(() =>
    Promise.all(
      Array.from({ length: 64 }, async (_, writer) => {
        for (let i = 0; i < 30; i++) await create(server, `many-${writer}-${i}`)
      }),
    ),
  )
  await server.handle({ method: 'DELETE', path: `${path}?gracePeriodSeconds=0`, headers: {}, user })
  const settled = one.slice(100)
  return [
    { what: `create a pod, ${store} store, p50`, value: round(median(settled)), unit: 'ms' },
    {
      what: `create a pod, ${store} store, p99`,
      value: round(settled.toSorted((a, b) => a - b)[Math.floor(settled.length * 0.99)] ?? 0),
      unit: 'ms',
    },
    {
      what: `creates with 64 writers, ${store} store`,
      value: Math.round((64 * 30 * 1_000) / manyMs),
      unit: 'per s',
    },
  ]
}

async function lists(server: ApiServer): Promise<Row[]> {
  await using listener = await listenApi({ server, clock, logger, http: { host: '127.0.0.1', port: 0 } })
  const table = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json'
  let bytes = 0
  const local = async (query: string, accept: string) => {
    const response = await server.handle({ method: 'GET', path: path + query, headers: { accept }, user })
    bytes = 0
    for await (const chunk of response.body) bytes += chunk.length
  }
  const remote = () =>
    new Promise<void>((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}` }
      const call = httpRequest(
        { host: '127.0.0.1', port: listener.httpPort, path, headers, agent: false },
        (message) => {
          message.on('data', () => {}).once('end', resolve)
        },
      )
      call.once('error', reject)
      call.end()
    })
  const rows: Row[] = [
    {
      what: `list of ${podCount} pods, in process`,
      value: await medianMs(() => local('', 'application/json')),
      unit: 'ms',
    },
  ]
  rows.push({ what: `list of ${podCount} pods, size`, value: round(bytes / 2 ** 20), unit: 'MiB' })
  rows.push({ what: `list of ${podCount} pods, over HTTP`, value: await medianMs(remote), unit: 'ms' })
  rows.push({
    what: `list of ${podCount} pods by label`,
    value: await medianMs(() => local('?labelSelector=app%3Dnone', 'application/json')),
    unit: 'ms',
  })
  rows.push({
    what: 'page of 500 pods',
    value: await medianMs(() => local('?limit=500', 'application/json')),
    unit: 'ms',
  })
  rows.push({
    what: 'page of 500 pods as a table',
    value: await medianMs(() => local('?limit=500', table)),
    unit: 'ms',
  })
  return rows
}

/** A second server on the same store: what grows is its watch cache. */
async function cacheMemory(store: Store): Promise<Row> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const used = async () => {
    // Buffers are freed behind the collector's back: a few rounds until all are.
    for (let round = 0; round < 5; round++) {
      collect()
      await clock.sleep(50)
    }
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }
  await using server = await open(store)
  const before = await used()
  const response = await server.handle({ method: 'GET', path: `${path}?limit=1`, headers: {}, user })
  for await (const _ of response.body);
  const bytes = ((await used()) - before) / podCount
  return { what: 'watch cache, for each pod', value: Math.round(bytes), unit: 'bytes' }
}

async function fanOut(server: ApiServer): Promise<Row> {
  const watchers = 1_000
  const changes = 20
  const controller = new AbortController()
  const revision = (
    await read(await server.handle({ method: 'GET', path: `${path}?limit=1`, headers: {}, user }))
  ).metadata.resourceVersion
  const watches = await Promise.all(
    Array.from({ length: watchers }, () =>
      server.handle({
        method: 'GET',
        path: `${path}?watch=1&resourceVersion=${revision}`,
        headers: {},
        user,
        signal: controller.signal,
      }),
    ),
  )
  const seen = Promise.all(
    watches.map(async ({ body }) => {
      let lines = 0
      for await (const chunk of body) {
        for (const byte of chunk) if (byte === 10) lines++
        if (lines >= changes) return
      }
    }),
  )
  const ms = await timed(async () => {
    for (let i = 0; i < changes; i++) await create(server, `fan-${i}`)
    await seen
  })
  controller.abort()
  return {
    what: `events told to ${watchers} watchers`,
    value: Math.round((watchers * changes * 1_000) / ms),
    unit: 'per s',
  }
}

const read = async ({ body }: ApiResponse): Promise<{ metadata: { resourceVersion: string } }> =>
  JSON.parse(Buffer.concat(await Array.fromAsync(body)).toString('utf8')) as {
    metadata: { resourceVersion: string }
  }

async function medianMs(run: () => Promise<void>): Promise<number> {
  const times: number[] = []
  for (let i = 0; i < repeats; i++) times.push(await timed(run))
  return round(median(times))
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now()
  await run()
  return performance.now() - startMs
}

const round = (value: number): number => Math.round(value * 100) / 100
