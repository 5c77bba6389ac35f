import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '../api/json.ts'
import type { HttpTransportOptions } from './transport-http.ts'

/** What a kubeconfig says about its current context; the reader of `$KUBECONFIG` and of the files Sampan writes. */
export interface Kubeconfig extends HttpTransportOptions {
  readonly namespace: string
}

export class KubeconfigError extends Error {
  override readonly name = 'KubeconfigError'
}

/** Reads a kubeconfig file. Throws `KubeconfigError` naming the file and what is missing in it. */
export async function readKubeconfig(path: string): Promise<Kubeconfig> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    throw new KubeconfigError(
      `can't read the kubeconfig ${path}: start Sampan with \`sampan up\`, or name another file`,
      { cause },
    )
  }
  return parseKubeconfig(text, path)
}

/** Credentials that a kubeconfig may hold and that take more than sending them. */
const unsupported = ['exec', 'auth-provider', 'username'] as const

/** `path` is named in errors, and files that the text names are found from its folder. */
export async function parseKubeconfig(text: string, path: string): Promise<Kubeconfig> {
  const config = await parseObject(text, path)
  const context = entry(config, { list: 'contexts', field: 'context', name: config['current-context'] }, path)
  const cluster = entry(config, { list: 'clusters', field: 'cluster', name: context['cluster'] }, path)
  const user = entry(config, { list: 'users', field: 'user', name: context['user'] }, path)
  const server = textOf(cluster, 'server')
  if (server === undefined)
    throw new KubeconfigError(`${path}: the cluster of the current context names no server`)
  if (!URL.canParse(server))
    throw new KubeconfigError(`${path}: the server ${JSON.stringify(server)} is no URL`)
  for (const field of unsupported) {
    if (field in user)
      throw new KubeconfigError(
        `${path}: users that log in by ${field} are not supported; use a certificate or a token`,
      )
  }
  const optional = {
    ca: fileOrText(cluster, 'certificate-authority', path),
    cert: fileOrText(user, 'client-certificate', path),
    key: fileOrText(user, 'client-key', path),
    token: textOf(user, 'token'),
  }
  const present: Partial<typeof optional> = Object.fromEntries(
    Object.entries(optional).filter(([, value]) => value),
  )
  return {
    server: server.replace(/\/$/, ''),
    namespace: textOf(context, 'namespace') ?? 'default',
    ...(present as Partial<Kubeconfig>),
  }
}

async function parseObject(text: string, path: string): Promise<JsonObject> {
  let config: JsonValue
  try {
    config = await parseText(text)
  } catch (cause) {
    throw new KubeconfigError(`${path} is no YAML`, { cause })
  }
  if (!isJsonObject(config)) throw new KubeconfigError(`${path} is no kubeconfig: it holds no fields`)
  return config
}

/** What Sampan writes is JSON: its own processes, which read nothing else, are spared the 4 MB of the YAML library. */
async function parseText(text: string): Promise<JsonValue> {
  try {
    return JSON.parse(text) as JsonValue
  } catch {
    // Not JSON: somebody else wrote it.
  }
  const { parse } = await import('yaml')
  return parse(text) as JsonValue
}

interface Wanted {
  readonly list: string
  readonly field: string
  readonly name: JsonValue | undefined
}

function entry(config: JsonObject, { list, field, name }: Wanted, path: string): JsonObject {
  const entries = config[list]
  const found = isJsonArray(entries)
    ? entries.filter(isJsonObject).find((candidate) => candidate['name'] === name)?.[field]
    : undefined
  if (name !== undefined && isJsonObject(found)) return found
  const which = name === undefined ? 'no name is given' : `no entry is named ${JSON.stringify(name)}`
  throw new KubeconfigError(`${path}: ${list}: ${which}`)
}

function textOf(record: JsonObject, field: string): string | undefined {
  const value = record[field]
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** PEM that is embedded in base64, or in a file beside the kubeconfig. */
function fileOrText(record: JsonObject, field: string, path: string): string | undefined {
  const inline = textOf(record, `${field}-data`)
  if (inline !== undefined) return Buffer.from(inline, 'base64').toString('utf8')
  const file = textOf(record, field)
  if (file === undefined) return undefined
  try {
    return readFileSync(resolve(dirname(path), file), 'utf8')
  } catch (cause) {
    throw new KubeconfigError(`${path}: can't read ${field} ${file}`, { cause })
  }
}

export interface KubeconfigFields {
  readonly server: string
  readonly ca: string
  readonly cert: string
  readonly key: string
  readonly user: string
}

/** The text of a kubeconfig with one context, everything embedded. JSON is YAML, and needs no library to write. */
export function kubeconfigText({ server, ca, cert, key, user }: KubeconfigFields): string {
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'sampan', cluster: { server, 'certificate-authority-data': base64(ca) } }],
    users: [
      { name: user, user: { 'client-certificate-data': base64(cert), 'client-key-data': base64(key) } },
    ],
    contexts: [{ name: 'sampan', context: { cluster: 'sampan', user } }],
    'current-context': 'sampan',
  }
  return `${JSON.stringify(config, undefined, 2)}\n`
}
