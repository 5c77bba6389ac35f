import { readFileSync } from 'node:fs'
import { parse as parseYaml } from 'yaml'
import type { HttpTransportOptions } from './transport-http.ts'

/** What a kubeconfig says about its current context; the reader of `$KUBECONFIG` and of the files Sampan writes. */
export interface Kubeconfig extends HttpTransportOptions {
  readonly namespace: string
}

interface Named<K extends string, T> {
  readonly entries: readonly (Readonly<Record<K, T>> & { readonly name: string })[]
}

export class KubeconfigError extends Error {
  override readonly name = 'KubeconfigError'
}

/** Reads a kubeconfig file. Throws `KubeconfigError` naming the file and what is missing in it. */
export function readKubeconfig(path: string): Kubeconfig {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    throw new KubeconfigError(
      `can't read the kubeconfig ${path}: start Sampan with \`sampan up\`, or name another file`,
      { cause },
    )
  }
  return parseKubeconfig(text, path)
}

export function parseKubeconfig(text: string, path: string): Kubeconfig {
  const config = parseYaml(text) as Record<string, unknown> | null
  const context = find<'context', Record<string, string>>(
    config,
    'contexts',
    'context',
    config?.['current-context'],
    path,
  )
  const cluster = find<'cluster', Record<string, string>>(
    config,
    'clusters',
    'cluster',
    context['cluster'],
    path,
  )
  const user = find<'user', Record<string, string>>(config, 'users', 'user', context['user'], path)
  if (!cluster['server'])
    throw new KubeconfigError(`${path}: the cluster of the current context names no server`)
  const optional = {
    ca: pem(cluster, 'certificate-authority', path),
    cert: pem(user, 'client-certificate', path),
    key: pem(user, 'client-key', path),
    token: user['token'],
  }
  return {
    server: cluster['server'].replace(/\/$/, ''),
    namespace: context['namespace'] ?? 'default',
    ...(Object.fromEntries(Object.entries(optional).filter(([, value]) => value)) as Partial<Kubeconfig>),
  }
}

function find<K extends string, T>(config: unknown, list: string, field: K, name: unknown, path: string): T {
  const entries = (config as Record<string, Named<K, T>['entries']> | null)?.[list]
  const entry = Array.isArray(entries) ? entries.find((candidate) => candidate?.name === name) : undefined
  if (!entry?.[field])
    throw new KubeconfigError(`${path}: ${list} holds no entry named ${JSON.stringify(name)}`)
  return entry[field] as T
}

function pem(record: Record<string, string>, field: string, path: string): string | undefined {
  const inline = record[`${field}-data`]
  if (inline) return Buffer.from(inline, 'base64').toString('utf8')
  const file = record[field]
  if (!file) return undefined
  try {
    return readFileSync(file, 'utf8')
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
