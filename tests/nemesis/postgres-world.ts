/** PostgreSQL and its synchronous standby, behind addresses that stay when they change places, under two API servers. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { realClock } from '../../src/base/clock.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { sendSignal } from '../../src/base/send-signal.ts'
import { openStore } from '../../src/store/open.ts'
import { startTestProxy } from '../../src/store/postgres/test-proxy.ts'
import { startTestServer, testPassword, type TestServer } from '../../src/store/postgres/test-server.ts'
import { openDisk, type Disk } from './disk.ts'
import type { Fault } from './nemesis.ts'
import { openNetwork } from './network.ts'
import { openReplicas } from './replicas.ts'
import { keyOfRaw, replicaFaults, stopMsMax, type World } from './world.ts'

const diskMegabytes = 700
const serverNames = ['s1', 's2'] as const
const settings = {
  max_wal_size: '64MB',
  min_wal_size: '32MB',
  shared_buffers: '32MB',
  // A standby that is made anew finds what it needs.
  wal_keep_size: '128MB',
}
const catchUpMsMax = 10_000

export async function openPostgresWorld(): Promise<World> {
  await using stack = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'sampan-nemesis-postgres-'))
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  chmodSync(folder, 0o755)
  const network = stack.use(await openNetwork(serverNames))
  const disk = stack.use(await openDisk(join(folder, 'disk'), diskMegabytes))
  const pair = stack.use(await openPair(disk.folder))
  const { address } = network.outside
  const proxies = [
    stack.use(await startTestProxy(pair.primary.port, address)),
    stack.use(await startTestProxy(pair.standby.port, address)),
  ] as const
  const hosts = proxies.map(({ port }) => `${address}:${port}`).join(',')
  const url = `postgres://postgres:${testPassword}@${hosts}/postgres?schema=sampan`
  const places = serverNames.map((name) => network.host(name))
  const replicas = stack.use(await openReplicas(url, places))
  const store = stack.use(await openStore(url, { clock: realClock, logger: silentLogger }))
  const owned = stack.move()
  let primaryAt: 0 | 1 = 0
  /** The dead refuse connections; who hangs keeps them, and is killed before it can wake up, as whoever promotes must see to. */
  const failover = (how: 'kill -9' | 'SIGSTOP', msMax: number): Fault => ({
    name: `${how} of the primary and failover to its standby`,
    part: 'postgres',
    msMax,
    async begin() {
      // With less there would be no standby to go on with.
      if (!(await pair.isCaughtUp())) return undefined
      await pair.failOver(how)
      return async () => {
        await pair.addStandby()
        proxies[primaryAt].lead(pair.standby.port)
        primaryAt = primaryAt === 0 ? 1 : 0
      }
    },
  })
  return {
    replicas,
    store,
    faults: [
      ...replicaFaults(replicas, { network, places, stores: [address] }),
      {
        name: 'all connections to PostgreSQL cut',
        part: 'network',
        msMax: 400,
        async begin() {
          for (const proxy of proxies) proxy.cut()
          return async () => {}
        },
      },
      {
        name: 'all answers of PostgreSQL lost with their connections',
        part: 'network',
        msMax: 2_000,
        async begin() {
          for (const proxy of proxies) proxy.swallow(true)
          return async () => {
            for (const proxy of proxies) {
              proxy.cut()
              proxy.swallow(false)
            }
          }
        },
      },
      ...processFaults(pair),
      ...diskFaults(pair, disk),
      failover('kill -9', 3_000),
      failover('SIGSTOP', 20_000),
    ],
    async rawRevisions() {
      const rows = await pair.primary.sql(
        "SELECT convert_from(key, 'UTF8') AS key, revision FROM sampan.live",
      )
      return new Map(
        rows.flatMap(({ key, revision }) => {
          const name = keyOfRaw(String(key))
          return name === undefined ? [] : [[name, Number(revision)] as const]
        }),
      )
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

interface Pair extends AsyncDisposable {
  readonly primary: TestServer
  readonly standby: TestServer
  /** Whether a failover now would lose nothing that anybody was told. */
  isCaughtUp(): Promise<boolean>
  failOver(how: 'kill -9' | 'SIGSTOP'): Promise<void>
  addStandby(): Promise<void>
}

async function openPair(folder: string): Promise<Pair> {
  const start = (standbyOf?: TestServer) =>
    startTestServer({ clock: realClock, folder, settings, ...(standbyOf && { standbyOf }) })
  let primary = await start()
  let standby = await start(primary)
  const waitFor = async (names: string) => {
    await primary.sql(`ALTER SYSTEM SET synchronous_standby_names = '${names}'`)
    await primary.sql('SELECT pg_reload_conf()')
  }
  await waitFor('*')
  return {
    get primary() {
      return primary
    },
    get standby() {
      return standby
    },
    async isCaughtUp() {
      const deadlineMs = performance.now() + catchUpMsMax
      // What a crash of the primary made visible before the standby had it is before this point.
      const [now] = await primary.sql('SELECT pg_current_wal_flush_lsn()::text AS point')
      const there = `SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync' AND flush_lsn >= '${String(now?.['point'])}'`
      while (performance.now() < deadlineMs) {
        if ((await primary.sql(there)).length > 0) return true
        await pause(100)
      }
      return false
    },
    async failOver(how) {
      if (how === 'SIGSTOP') primary.signal('SIGSTOP')
      else await primary.kill()
      await standby.promote()
      ;[primary, standby] = [standby, primary]
      await waitFor('')
    },
    async addStandby() {
      await standby.kill()
      await standby[Symbol.asyncDispose]()
      standby = await start(primary)
      await waitFor('*')
    },
    async [Symbol.asyncDispose]() {
      await standby[Symbol.asyncDispose]()
      await primary[Symbol.asyncDispose]()
    },
  }
}

function processFaults(pair: Pair): readonly Fault[] {
  const whom = [
    ['PostgreSQL', () => pair.primary],
    ['the standby of PostgreSQL', () => pair.standby],
  ] as const
  return whom.flatMap(([name, server]): Fault[] => [
    {
      name: `kill -9 of ${name}`,
      part: 'postgres',
      msMax: 3_000,
      async begin() {
        const killed = server()
        await killed.kill()
        return () => startAgain(killed)
      },
    },
    {
      name: `SIGSTOP of ${name}`,
      part: 'postgres',
      msMax: stopMsMax,
      async begin() {
        const pids = server().pids()
        for (const pid of pids) sendSignal(pid, 'SIGSTOP')
        return async () => pids.forEach((pid) => sendSignal(pid, 'SIGCONT'))
      },
    },
  ])
}

/** A connection of another program may have had its port for a moment. */
async function startAgain(server: TestServer): Promise<void> {
  try {
    await server.start()
  } catch {
    await server.kill()
    await server.start() // or it says why not
  }
}

function diskFaults(pair: Pair, disk: Disk): readonly Fault[] {
  return [
    {
      name: 'full disk of PostgreSQL',
      part: 'postgres',
      msMax: 5_000,
      async begin() {
        disk.fill()
        return async () => {
          disk.free()
          // PostgreSQL may have ended: its log could not be written.
          for (const server of [pair.primary, pair.standby]) {
            await server.kill()
            await startAgain(server)
          }
        }
      },
    },
    {
      name: 'slow disk of PostgreSQL',
      part: 'postgres',
      msMax: 6_000,
      async begin() {
        const pids = () => [...pair.primary.pids(), ...pair.standby.pids()]
        if (!disk.slow(pids(), 10)) return undefined
        return async () => disk.fast(pids())
      },
    },
  ]
}
