import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** npm's flat options as pacote and arborist take them. May hold credentials: never log it. */
export type NpmConfig = Readonly<Record<string, unknown>>

export interface NpmConfigSources {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly home: string
  /** The interpreter that npm belongs to: its prefix holds etc/npmrc. */
  readonly nodePath: string
}

/**
 * Reads the part of npm's configuration that fetching needs, with npm's precedence: environment, then the user's
 * .npmrc, then the machine's. A project's .npmrc has no say, because no project is being installed.
 */
export async function readNpmConfig({ env, home, nodePath }: NpmConfigSources): Promise<NpmConfig> {
  const fromEnv = settingsOfEnv(env)
  const userPath = text(fromEnv['userconfig']) ?? join(home, '.npmrc')
  const globalPath = text(fromEnv['globalconfig']) ?? join(dirname(nodePath), '..', 'etc', 'npmrc')
  const settings = {
    ...parseNpmrc(await readOptional(globalPath), env),
    ...parseNpmrc(await readOptional(userPath), env),
    ...fromEnv,
  }
  const caFile = text(settings['cafile'])
  return flatOptions(settings, caFile === undefined ? undefined : await readFile(caFile, 'utf8'))
}

type Settings = Readonly<Record<string, string | readonly string[]>>

/** Lines `key = value` and `key[] = value`; comments begin with ; or #. ${NAME} is replaced from the environment. */
export function parseNpmrc(
  content: string,
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string | string[]> {
  const settings: Record<string, string | string[]> = {}
  for (const line of content.split(/\r?\n/)) {
    const trimmed = line.trim()
    if (trimmed === '' || /^[;#[]/.test(trimmed)) continue
    const equals = trimmed.indexOf('=')
    const expand = (value: string) =>
      value.replace(/\$\{([^}]+)\}/g, (whole, name: string) => env[name] ?? whole)
    const key = expand((equals < 0 ? trimmed : trimmed.slice(0, equals)).trim())
    const value = expand(equals < 0 ? 'true' : unquote(trimmed.slice(equals + 1).trim()))
    if (key.endsWith('[]')) {
      const name = key.slice(0, -2)
      const before = settings[name]
      settings[name] = [...(Array.isArray(before) ? before : []), value]
    } else {
      settings[key] = value
    }
  }
  return settings
}

const unquote = (value: string) =>
  /^".*"$|^'.*'$/.test(value) ? value.slice(1, -1).replaceAll('\\n', '\n') : value

/** npm_config_https_proxy → https-proxy; registry-specific keys (//host/:_authToken) keep their case and underscores. */
function settingsOfEnv(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const settings: Record<string, string> = {}
  for (const [name, value] of Object.entries(env)) {
    const match = /^npm_config_(.+)$/i.exec(name)
    if (!match?.[1] || value === undefined || value === '') continue
    const key = match[1]
    settings[key.startsWith('//') ? key : key.toLowerCase().replace(/(?!^)_/g, '-')] = value
  }
  return settings
}

/** Option names as pacote has them. Retries are shorter than npm's: a pod's event should say soon what is wrong. */
const plain = {
  registry: 'registry',
  cert: 'cert',
  key: 'key',
  proxy: 'proxy',
  'https-proxy': 'httpsProxy',
  noproxy: 'noProxy',
  'local-address': 'localAddress',
} as const
const numbers = {
  'fetch-retries': 'fetchRetries',
  'fetch-retry-mintimeout': 'fetchRetryMintimeout',
  'fetch-retry-maxtimeout': 'fetchRetryMaxtimeout',
  'fetch-timeout': 'timeout',
  maxsockets: 'maxSockets',
} as const
const defaults = {
  fetchRetries: 2,
  fetchRetryMintimeout: 500,
  fetchRetryMaxtimeout: 5000,
  timeout: 60_000,
} as const

function flatOptions(settings: Settings, ca: string | undefined): NpmConfig {
  const flat: Record<string, unknown> = { ...defaults }
  for (const [key, option] of Object.entries(plain)) {
    const value = text(settings[key])
    if (value !== undefined) flat[option] = value
  }
  for (const [key, option] of Object.entries(numbers)) {
    const value = Number(settings[key])
    if (settings[key] !== undefined && Number.isFinite(value)) flat[option] = value
  }
  if (settings['strict-ssl'] === 'false') flat['strictSSL'] = false
  if (settings['ca'] !== undefined) flat['ca'] = settings['ca']
  if (ca !== undefined) flat['ca'] = ca.match(/-----BEGIN[^]+?-----END CERTIFICATE-----/g) ?? [ca]
  for (const [key, value] of Object.entries(settings)) {
    if (key.startsWith('//') || /^@[^:]+:registry$/.test(key)) flat[key] = value
  }
  return flat
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' && value !== 'null' ? value : undefined

async function readOptional(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (e) {
    if (e instanceof Error && 'code' in e && ['ENOENT', 'ENOTDIR', 'EACCES'].includes(String(e.code)))
      return ''
    throw e
  }
}
