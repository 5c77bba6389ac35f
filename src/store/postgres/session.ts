import { readFileSync } from 'node:fs'
import { Socket } from 'node:net'
import type { ConnectionOptions } from 'node:tls'

import pg, { type CustomTypesConfig } from 'pg'

import type { Clock } from '../../base/clock.ts'
import { invalidError } from '../errors.ts'
import { createDeadline } from './deadline.ts'
import { isGone, LostError } from './postgres-errors.ts'
import type { Host, PostgresTarget } from './postgres-url.ts'
import { PreparedQuery, type Parser, type PreparedStatements, type Row } from './prepared-query.ts'

export interface Statement {
  /** Names a prepared statement of the session. */
  readonly name: string
  readonly text: string
}

export type Parameter = string | number | bigint | Buffer | null

/** One connection to a server that takes writes. One question at a time. */
export interface Session {
  readonly processId: number
  /** True once the connection ended, or was ended because it is of no more use. */
  readonly isLost: boolean
  /** Runs one statement. Throws the driver's error, or `LostError` when no answer came within the deadline; the session is lost then. */
  query(statement: Statement, values?: readonly Parameter[]): Promise<readonly Row[]>
  /** Several statements without parameters; the rows of the last. */
  script(text: string): Promise<readonly Row[]>
  /** `note` is told of each notification from now on, by the sender's process and its payload; and with nothing when the session is lost. */
  onNotice(note: (sender: number | undefined, payload: string) => void): void
  close(): Promise<void>
}

export interface SessionOptions {
  readonly clock: Clock
  readonly target: PostgresTarget
  readonly host: Host
  /** A question without an answer for so long means that the server is lost. */
  readonly answerMsMax: number
}

const connectMsMax = 5_000
const keepAliveMs = 10_000
const closeMsMax = 2_000

/** Connects to one host; with `sslmode=prefer` first with TLS, then without. */
export async function openSession(options: SessionOptions): Promise<Session> {
  const { target, host } = options
  const ssl = host.host.startsWith('/') ? false : tlsOptions(target)
  try {
    return await connect(options, ssl)
  } catch (error) {
    const isPlain = error instanceof Error && error.message.includes('does not support SSL')
    if (target.sslMode !== 'prefer' || !isPlain) throw error
    return connect(options, false)
  }
}

async function connect(options: SessionOptions, ssl: ConnectionOptions | false): Promise<Session> {
  const { clock, answerMsMax } = options
  const socket = new Socket()
  const client = createClient(options, ssl, socket)
  let isLost = false
  let note = (_sender: number | undefined, _payload: string) => {}
  const lose = () => {
    if (isLost) return
    isLost = true
    socket.destroy()
    note(undefined, '')
  }
  client.on('error', lose) // whoever waits for an answer is told by it, too
  client.on('end', lose)
  client.on('notification', ({ processId, payload }) => note(processId, payload ?? ''))
  try {
    await client.connect()
  } catch (error) {
    lose()
    throw error
  }

  const prepared: PreparedStatements = new Map()
  const deadline = createDeadline({ clock, ms: answerMsMax, onLate: lose })
  const ask = async (question: () => Promise<readonly Row[]>): Promise<readonly Row[]> => {
    if (isLost) throw new LostError('the connection was lost')
    deadline.start()
    try {
      return await question()
    } catch (error) {
      if (isLost) throw new LostError('the connection was lost', { cause: error })
      if (isGone(error)) lose()
      throw error
    } finally {
      deadline.stop()
    }
  }
  return {
    processId: Reflect.get(client, 'processID') as number,
    get isLost() {
      return isLost
    },
    query: ({ name, text }, values = []) =>
      ask(() => {
        const encoded = values.map(encodeParameter)
        return client.query(new PreparedQuery({ name, text, values: encoded, prepared, parserOf })).rows
      }),
    script: (text) => ask(() => runScript(client, text)),
    onNotice(listener) {
      note = listener
    },
    async close() {
      note = () => {}
      if (isLost) return
      const late = clock.after(closeMsMax, () => socket.destroy())
      await client.end().catch(() => {}) // it is gone either way
      late()
      lose()
    },
  }
}

const createClient = (
  { target, host, answerMsMax }: SessionOptions,
  ssl: ConnectionOptions | false,
  socket: Socket,
): pg.Client =>
  new pg.Client({
    host: host.host,
    port: host.port,
    user: target.user,
    password: target.passwordFile === undefined ? target.password : readSecret(target.passwordFile),
    database: target.database,
    ssl,
    stream: () => socket,
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveMs,
    application_name: 'sampan',
    connectionTimeoutMillis: Math.min(connectMsMax, answerMsMax),
    types: { getTypeParser: parserOf as CustomTypesConfig['getTypeParser'] },
  })

async function runScript(client: pg.Client, text: string): Promise<readonly Row[]> {
  const result: pg.QueryArrayResult | pg.QueryArrayResult[] = await client.query({ text, rowMode: 'array' })
  return (Array.isArray(result) ? result.at(-1)?.rows : result.rows) ?? []
}

const encodeParameter = (value: Parameter): string | Buffer | null =>
  value === null || value instanceof Buffer ? value : String(value)

function tlsOptions(target: PostgresTarget): ConnectionOptions | false {
  const { sslMode, sslRootCert, sslCert, sslKey } = target
  if (sslMode === 'disable') return false
  const isChecked = sslMode === 'verify-ca' || sslMode === 'verify-full'
  return {
    rejectUnauthorized: isChecked,
    // The certificate's chain is checked all the same; only the name in it is not.
    ...(sslMode === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
    ...(isChecked && sslRootCert !== undefined && sslRootCert !== 'system'
      ? { ca: readText('sslrootcert', sslRootCert) }
      : {}),
    ...(sslCert === undefined ? {} : { cert: readText('sslcert', sslCert) }),
    ...(sslKey === undefined ? {} : { key: readText('sslkey', sslKey) }),
  }
}

const readSecret = (file: string): string => readText('password-file', file).trim()

function readText(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    throw invalidError(`The file of ${name}, ${file}, can't be read (${code}); name one that can.`)
  }
}

/** The driver decodes what it receives as text, so answers come in PostgreSQL's text form: bytes as `\x` and hexadecimal digits. */
function parserOf(oid: number): Parser {
  switch (oid) {
    case pg.types.builtins.BYTEA:
      return bytesOfHex
    case pg.types.builtins.INT2:
    case pg.types.builtins.INT4:
    case pg.types.builtins.INT8:
    case pg.types.builtins.NUMERIC:
      return Number
    case pg.types.builtins.BOOL:
      return (text) => text === 't'
    default:
      return (text) => text
  }
}

function bytesOfHex(text: string): Uint8Array {
  const bytes = new Uint8Array((text.length - 2) / 2)
  Buffer.from(bytes.buffer).write(text.slice(2), 'hex')
  return bytes
}
