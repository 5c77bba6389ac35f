import { invalidError } from '../errors.ts'
import type { StoreError } from '../store.ts'

/** How far TLS goes, in libpq's words. */
const sslModes = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'] as const
export type SslMode = (typeof sslModes)[number]

export interface Host {
  /** A name, an address, or the folder of a Unix socket. */
  readonly host: string
  readonly port: number
}

/** Where the database is and how to get in. Holds a password: never logged, never part of an error. */
export interface PostgresTarget {
  /** Tried in this order until one takes writes. */
  readonly hosts: readonly Host[]
  readonly user: string | undefined
  readonly password: string | undefined
  /** A file that holds nothing but the password; read for each connection, so that it may change. */
  readonly passwordFile: string | undefined
  readonly database: string | undefined
  /** Where the tables are; several clusters may share a database. */
  readonly schema: string
  readonly sslMode: SslMode
  /** Files, as in libpq; `system` for `sslRootCert` means the authorities that Node.js trusts. */
  readonly sslRootCert: string | undefined
  readonly sslCert: string | undefined
  readonly sslKey: string | undefined
}

const portDefault = 5_432
const schemaDefault = 'sampan'
const schemaPattern = /^[a-z_][a-z0-9_]{0,40}$/
const sessionAttrs = ['any', 'read-write', 'primary'] // each of them means the same here: it must take writes
const known = [
  'schema',
  'host',
  'port',
  'user',
  'password',
  'password-file',
  'dbname',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'target_session_attrs',
]

/**
 * Parses what follows `postgres:`, as libpq understands it: `//user:password@host1:5432,host2:5432/database?sslmode=…`.
 * Throws `invalid`, with no part of the URL that could be a secret.
 */
export function parsePostgresUrl(rest: string): PostgresTarget {
  const match = /^\/\/(?:([^@/?#]*)@)?([^@/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/.exec(rest)
  if (!match) throw urlError('it can not be read; special characters of a password are written as %XX')
  const [, login = '', hostList = '', path = '', query = ''] = match
  const params = new URLSearchParams(query)
  const unknown = [...params.keys()].find((name) => !known.includes(name))
  if (unknown !== undefined)
    throw urlError(`it has the parameter "${unknown}"; known are ${known.join(', ')}`)
  const param = (name: string) => params.get(name) || undefined
  const colon = login.indexOf(':')
  const user = colon < 0 ? login : login.slice(0, colon)
  const password = colon < 0 ? '' : login.slice(colon + 1)
  const schema = param('schema') ?? schemaDefault
  if (!schemaPattern.test(schema)) {
    throw urlError('the schema is no name of up to 41 small letters, digits and _')
  }
  const attrs = param('target_session_attrs')
  if (attrs !== undefined && !sessionAttrs.includes(attrs)) {
    throw urlError(
      `target_session_attrs is none of ${sessionAttrs.join(', ')}: Sampan needs a server that takes writes`,
    )
  }
  return {
    hosts: parseHosts(hostList || (param('host') ?? 'localhost'), param('port')),
    user: decode(user) || param('user'),
    password: decode(password) || param('password'),
    passwordFile: param('password-file'),
    database: decode(path) || param('dbname'),
    schema,
    sslMode: parseSslMode(param('sslmode'), param('sslrootcert')),
    sslRootCert: param('sslrootcert'),
    sslCert: param('sslcert'),
    sslKey: param('sslkey'),
  }
}

function parseHosts(list: string, port: string | undefined): Host[] {
  return list.split(',').map((item) => {
    const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]*)(?::(\d+))?$/.exec(item)
    const number = Number(match?.[2] ?? port ?? portDefault)
    if (!match || !(number > 0 && number < 65_536)) {
      throw urlError('one of its hosts is no name or address, with or without a port')
    }
    return { host: decode(match[1] ?? '').replace(/^\[|\]$/g, '') || 'localhost', port: number }
  })
}

function parseSslMode(mode: string | undefined, rootCert: string | undefined): SslMode {
  // libpq: a root certificate turns `require` into `verify-ca`; `allow` is `prefer` the other way round.
  if (mode === undefined) return rootCert === undefined ? 'prefer' : 'verify-full'
  if (mode === 'allow') return 'prefer'
  if (mode === 'require' && rootCert !== undefined) return 'verify-ca'
  const found = sslModes.find((each) => each === mode)
  if (!found) throw urlError(`sslmode is none of ${sslModes.join(', ')}`)
  return found
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch (error) {
    throw urlError('a % in it is not followed by two hexadecimal digits', error)
  }
}

const urlError = (why: string, cause?: unknown): StoreError => {
  const error = invalidError(
    `The URL of PostgreSQL is refused: ${why}. Write postgres://user:password@host:5432/database?sslmode=verify-full, for example.`,
  )
  if (cause !== undefined) error.cause = cause
  return error
}

/** For messages: which servers, and nothing else of the URL. */
export const describeHosts = ({ hosts }: PostgresTarget): string =>
  hosts.map(({ host, port }) => `${host}:${port}`).join(', ')
