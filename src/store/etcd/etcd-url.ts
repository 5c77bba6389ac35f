import { readFileSync } from 'node:fs'

import { describeError } from '../../base/logger.ts'
import { invalidError } from '../errors.ts'

/**
 *     etcd://USER:PASSWORD@HOST:PORT,HOST2:PORT2/PREFIX?ca=FILE&cert=FILE&key=FILE
 *
 * Port 2379 and the prefix /sampan/ are understood where they are left out. `etcds:`, `ca` or `cert` mean TLS.
 */
export interface EtcdConfig {
  readonly endpoints: readonly Endpoint[]
  /** Before every key; ends with a slash. */
  readonly prefix: string
  readonly tls: EtcdTls | undefined
  readonly user: { readonly name: string; readonly password: string } | undefined
  /** What etcd's own flag of this name says, 1.5 MiB unless it was set. */
  readonly maxRequestBytes: number
  /** False where somebody else compacts this etcd. */
  readonly compacts: boolean
}

export interface Endpoint {
  readonly host: string
  readonly port: number
}

export interface EtcdTls {
  /** PEM; unset: what the system trusts. */
  readonly ca: string | undefined
  readonly cert: string | undefined
  readonly key: string | undefined
}

const defaultPort = 2379
const defaultPrefix = '/sampan/'
export const defaultMaxRequestBytes = 1_572_864
const prefixBytesMax = 256
const endpointsMax = 16

const parameters = ['ca', 'cert', 'key', 'password-file', 'max-request-bytes', 'compact']
const example =
  'etcd://127.0.0.1:2379 or etcds://user:password@a:2379,b:2379,c:2379/sampan/?ca=/etc/etcd/ca.crt'

/** `rest` is what follows the scheme and its colon. Throws `invalid`, never with a part that may be secret. */
export function parseEtcdUrl({
  rest,
  isSecure,
}: {
  readonly rest: string
  readonly isSecure: boolean
}): EtcdConfig {
  const match =
    /^\/\/(?:(?<user>[^@/?#]*)@)?(?<hosts>[^@/?#]+)(?<path>\/[^?#]*)?(?:\?(?<query>[^#]*))?$/.exec(rest)
  const { user, hosts = '', path = defaultPrefix, query = '' } = match?.groups ?? {}
  if (!match)
    throw wrong(`it has not the form ${example}; special characters of a password are written as %40`)
  const given = new URLSearchParams(query)
  for (const name of given.keys()) {
    if (!parameters.includes(name))
      throw wrong(`no parameter is called "${name}"; there are ${parameters.join(', ')}`)
  }
  const tls: EtcdTls = { ca: fileOf(given, 'ca'), cert: fileOf(given, 'cert'), key: fileOf(given, 'key') }
  if ((tls.cert === undefined) !== (tls.key === undefined))
    throw wrong('cert and key come together; give both')
  const hasTls = isSecure || tls.ca !== undefined || tls.cert !== undefined
  return {
    endpoints: endpointsOf(hosts),
    prefix: prefixOf(path),
    tls: hasTls ? tls : undefined,
    user: userOf(user, fileOf(given, 'password-file')),
    maxRequestBytes: bytesOf(given.get('max-request-bytes')),
    compacts: compactsOf(given.get('compact')),
  }
}

function endpointsOf(hosts: string): Endpoint[] {
  const endpoints = hosts.split(',').map((text) => {
    const [, v6, name, port] = /^(?:\[([\da-fA-F:.]+)\]|([^\s:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? []
    const host = v6 ?? name
    if (host === undefined) throw wrong(`"${text}" is no HOST:PORT`)
    return { host, port: port === undefined ? defaultPort : Number(port) }
  })
  if (endpoints.length > endpointsMax) throw wrong(`it names more than ${endpointsMax} endpoints`)
  return endpoints
}

function prefixOf(path: string): string {
  const prefix = path === '/' ? defaultPrefix : `${path.replace(/\/+$/, '')}/`
  if (Buffer.byteLength(prefix) > prefixBytesMax)
    throw wrong(`its prefix has more than ${prefixBytesMax} bytes`)
  return prefix
}

function userOf(text: string | undefined, passwordFromFile: string | undefined): EtcdConfig['user'] {
  if (text === undefined || text === '') return undefined
  const colon = text.indexOf(':')
  const name = decode(colon < 0 ? text : text.slice(0, colon))
  const password = colon < 0 ? passwordFromFile?.replace(/\r?\n$/, '') : decode(text.slice(colon + 1))
  if (password === undefined)
    throw wrong('it names a user without a password; write USER:PASSWORD@ or password-file=FILE')
  return { name, password }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // The error would repeat the text, which may be the password.
    throw wrong('its user or password has a % that begins no two hexadecimal digits; write it as %25')
  }
}

function fileOf(given: URLSearchParams, name: string): string | undefined {
  const path = given.get(name)
  if (path === null) return undefined
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw wrong(`the file of ${name} can't be read: ${describeError(error)}`)
  }
}

function bytesOf(text: string | null): number {
  if (text === null) return defaultMaxRequestBytes
  const bytes = Number(text)
  const least = 65_536
  if (!/^\d+$/.test(text) || bytes < least)
    throw wrong(`max-request-bytes is a number from ${least}, the same that etcd was started with`)
  return bytes
}

function compactsOf(text: string | null): boolean {
  if (text !== null && text !== 'never') throw wrong('compact takes one value, "never", or is left out')
  return text === null
}

const wrong = (why: string) => invalidError(`The URL of etcd is not understood: ${why}.`)
