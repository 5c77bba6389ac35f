/**
 * A real PostgreSQL for tests and measurements: a folder of its own, loopback, a free port, a password. Not part of the
 * product. As root it runs as the user `postgres` (or `nobody`), because PostgreSQL refuses root.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  chownSync,
  closeSync,
  existsSync,
  globSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after, before } from 'node:test'
import { promisify } from 'node:util'

import pg from 'pg'

import { realClock, type Clock } from '../../base/clock.ts'
import { sendSignal } from '../../base/send-signal.ts'

const run = promisify(execFile)
const startMsMax = 30_000
export const testPassword = 'pass-word-of-tests'

export interface TestServer extends AsyncDisposable {
  readonly port: number
  /** Of its certificate, where it has one. */
  readonly certFile: string
  /** What `openPostgresStore` takes. */
  url(schema: string, port?: number): string
  /** Several statements, in a session of their own; the rows of the last. */
  sql(text: string): Promise<Record<string, unknown>[]>
  /** To the server and all its processes. */
  signal(name: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): void
  /** As a power loss takes it away; what it has synced stays. */
  kill(): Promise<void>
  stop(): Promise<void>
  start(): Promise<void>
  /** Makes a standby take writes. */
  promote(): Promise<void>
  /** Of the server and all its processes; none when it does not run. */
  pids(): readonly number[]
  /** Processor seconds of the server and its processes, those that have ended among them. */
  cpuSeconds(): number
}

export interface TestServerOptions {
  readonly clock: Clock
  readonly folder: string
  readonly settings?: Readonly<Record<string, string>>
  /** Makes a hot standby that streams from this server. */
  readonly standbyOf?: TestServer
  /** Speaks TLS too, with a certificate of its own for localhost. */
  readonly isTls?: boolean
}

/** The folder of PostgreSQL's programs, newest first; undefined when it isn't installed. */
export function findPostgres(): string | undefined {
  const debian = globSync('/usr/lib/postgresql/*/bin').toSorted((a, b) => versionIn(b) - versionIn(a))
  const folders = [...debian, ...(process.env['PATH'] ?? '').split(delimiter)]
  return folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')))
}

/** For `describe`: why its tests are skipped. With CI=true they run, and fail for want of PostgreSQL. */
export const skipReason = (): string | false =>
  findPostgres() === undefined && process.env['CI'] !== 'true'
    ? 'PostgreSQL is not installed (Debian: postgresql)'
    : false

/** A server for the tests of one `describe`, started before them and gone after them. */
export function serverForTests(
  settings: Readonly<Record<string, string>> = {},
  { isTls = false }: { readonly isTls?: boolean } = {},
): () => TestServer {
  let server: TestServer | undefined
  const folder = join(tmpdir(), `sampan-postgres-${process.pid}-${performance.now()}`)
  before(async () => {
    mkdirSync(folder, { mode: 0o755 })
    server = await startTestServer({ clock: realClock, folder, settings, isTls })
  })
  after(async () => {
    await server?.[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })
  return () => {
    if (!server) throw new Error('the server runs only while the tests do')
    return server
  }
}

const versionIn = (folder: string): number => Number(/\d+/.exec(folder)?.[0])

export async function startTestServer(options: TestServerOptions): Promise<TestServer> {
  const programs = findPostgres()
  if (programs === undefined) throw new Error('PostgreSQL is not installed (Debian: postgresql)')
  const user = await serverUser()
  const folder = join(options.folder, `pg-${await freePort()}`)
  mkdirSync(folder)
  if (user) chownSync(folder, user.uid, user.gid)
  const data = join(folder, 'data')
  const port = await freePort()
  const { standbyOf } = options
  if (standbyOf) {
    const source = `host=127.0.0.1 port=${standbyOf.port} user=postgres password=${testPassword}`
    await run(
      join(programs, 'pg_basebackup'),
      ['-D', data, '-d', source, '-R', '-X', 'stream', '-c', 'fast'],
      { ...user, cwd: folder },
    )
  } else {
    const passwordFile = join(folder, 'password')
    writeFileSync(passwordFile, testPassword, { mode: 0o644 })
    const init = [
      '-D',
      data,
      '-U',
      'postgres',
      '-A',
      'scram-sha-256',
      '--pwfile',
      passwordFile,
      '-E',
      'UTF8',
      '--no-sync',
    ]
    await run(join(programs, 'initdb'), init, { ...user, cwd: folder })
  }
  if (options.isTls) await makeCertificate(folder, user)
  const server = createControl({ ...options, programs, data, folder, port, user })
  await server.start()
  return server
}

async function makeCertificate(
  folder: string,
  user: { uid: number; gid: number } | undefined,
): Promise<void> {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'server.key']
  const name = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-days', '2']
  await run('openssl', ['req', '-x509', ...key, ...name, '-out', 'server.crt'], { ...user, cwd: folder })
}

interface ControlOptions extends TestServerOptions {
  readonly programs: string
  readonly data: string
  readonly port: number
  readonly user: { readonly uid: number; readonly gid: number } | undefined
}

function createControl(options: ControlOptions): TestServer {
  const { programs, data, folder, port, user, clock } = options
  const log = join(folder, 'log')
  const certFile = join(folder, 'server.crt')
  let child: ChildProcess | undefined
  let exited: Promise<unknown> = Promise.resolve()
  const processes = () => processesOf(child)
  const address = { host: '127.0.0.1', port, user: 'postgres', password: testPassword, database: 'postgres' }
  const sql = async (text: string) => {
    const client = new pg.Client({ ...address, ssl: false })
    client.on('error', () => {}) // the query below fails with it
    await client.connect()
    try {
      const result: pg.QueryResult | pg.QueryResult[] = await client.query(text)
      return (Array.isArray(result) ? result.at(-1)?.rows : result.rows) ?? []
    } finally {
      await client.end()
    }
  }
  const server: TestServer = {
    port,
    certFile,
    url: (schema, at = port) => `//postgres:${testPassword}@127.0.0.1:${at}/postgres?schema=${schema}`,
    sql,
    // Of its processes some come and go by themselves.
    signal: (name) => processes().forEach((pid) => sendSignal(pid, name)),
    async start() {
      const settings = {
        ...options.settings,
        ...(options.isTls
          ? { ssl: 'on', ssl_cert_file: certFile, ssl_key_file: join(folder, 'server.key') }
          : {}),
        listen_addresses: '127.0.0.1',
        port: String(port),
        unix_socket_directories: folder,
      }
      const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
      const file = openSync(log, 'a')
      child = spawn(join(programs, 'postgres'), ['-D', data, ...args], {
        ...user,
        cwd: folder,
        stdio: ['ignore', file, file],
      })
      closeSync(file)
      exited = once(child, 'exit')
      await untilReady(clock, sql, log)
    },
    async stop() {
      child?.kill('SIGINT') // "fast": sessions are ended
      await exited
    },
    async kill() {
      server.signal('SIGKILL')
      await exited
    },
    async promote() {
      await run(join(programs, 'pg_ctl'), ['promote', '-w', '-D', data], { ...user, cwd: folder })
    },
    pids: processes,
    cpuSeconds: () => processes().reduce((sum, pid) => sum + cpuSecondsOf(pid), 0),
    async [Symbol.asyncDispose]() {
      if (child?.exitCode === null && child.signalCode === null) {
        server.signal('SIGCONT')
        await server.stop()
      }
      rmSync(folder, { recursive: true, force: true })
    },
  }
  return server
}

async function untilReady(clock: Clock, sql: TestServer['sql'], log: string): Promise<void> {
  const deadlineMs = clock.monotonicMs() + startMsMax
  for (;;) {
    try {
      await sql('SELECT 1')
      return
    } catch (cause) {
      if (clock.monotonicMs() > deadlineMs)
        throw new Error(`PostgreSQL did not start: ${readFileSync(log, 'utf8').slice(-2_000)}`, { cause })
      await clock.sleep(30)
    }
  }
}

async function serverUser(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const found = /^postgres:[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8'))
  return { uid: Number(found?.[1] ?? 65_534), gid: Number(found?.[2] ?? 65_534) }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('the system gave no port')
  return address.port
}

/** None when it has ended. */
const processesOf = (child: ChildProcess | undefined): number[] =>
  child?.pid === undefined || child.exitCode !== null || child.signalCode !== null
    ? []
    : [child.pid, ...childrenOf(child.pid)]

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)

const ticksPerSecond = 100 // USER_HZ, the same on every Linux that Node supports

function cpuSecondsOf(pid: number): number {
  let stat: string
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return 0 // it has just ended: its parent counts the time
  }
  const fields = stat.split(') ')[1]?.split(' ') ?? []
  const [utime, stime, ofEndedUtime, ofEndedStime] = fields.slice(11, 15).map(Number) // see proc(5)
  return ((utime ?? 0) + (stime ?? 0) + (ofEndedUtime ?? 0) + (ofEndedStime ?? 0)) / ticksPerSecond
}
