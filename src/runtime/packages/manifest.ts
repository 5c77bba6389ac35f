import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PackageError } from './errors.ts'

/** What of a package.json matters for running it. Fields of another type than expected count as absent. */
export interface Manifest {
  readonly name?: string
  readonly version?: string
  readonly main?: string
  readonly exports?: unknown
  readonly bin?: string | Readonly<Record<string, string>>
  readonly scripts: Readonly<Record<string, string>>
  readonly engines: Readonly<Record<string, string>>
}

/** Undefined when the folder has no package.json. */
export async function readManifest(folder: string): Promise<Manifest | undefined> {
  const path = join(folder, 'package.json')
  let content: string
  try {
    content = await readFile(path, 'utf8')
  } catch (e) {
    if (e instanceof Error && 'code' in e && e.code === 'ENOENT') return undefined
    throw e
  }
  try {
    return parseManifest(JSON.parse(content.replace(/^\uFEFF/, '')) as unknown)
  } catch (e) {
    if (!(e instanceof SyntaxError)) throw e
    throw new PackageError('no-entry', `${path} is not JSON: ${e.message}; correct it`, { cause: e })
  }
}

export function parseManifest(json: unknown): Manifest {
  const fields = isRecord(json) ? json : {}
  const string = (name: string) => (typeof fields[name] === 'string' ? { [name]: fields[name] } : {})
  const bin = fields['bin']
  return {
    ...string('name'),
    ...string('version'),
    ...string('main'),
    ...('exports' in fields ? { exports: fields['exports'] } : {}),
    ...(typeof bin === 'string' ? { bin } : isRecord(bin) ? { bin: strings(bin) } : {}),
    scripts: strings(fields['scripts']),
    engines: strings(fields['engines']),
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const strings = (value: unknown): Record<string, string> =>
  isRecord(value)
    ? Object.fromEntries(Object.entries(value).filter((e): e is [string, string] => typeof e[1] === 'string'))
    : {}
