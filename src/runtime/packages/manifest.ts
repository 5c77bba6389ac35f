import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
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
    content = await readText(path)
  } catch (e) {
    if (e instanceof Error && 'code' in e && e.code === 'ENOENT') return undefined
    throw e
  }
  try {
    return parseManifest(JSON.parse(content.replace(/^\uFEFF/, '')) as unknown)
  } catch (e) {
    if (!(e instanceof SyntaxError)) throw e
    throw new PackageError('no-entry', `${path} is not JSON: ${withoutSource(e)}; correct it`)
  }
}

/** The largest in the registry have some hundred kilobytes. */
const sizeBytesMax = 4 * 1024 * 1024

/** The folder may be a pod's own: what is no file of a sensible size is not waited for. */
async function readText(path: string): Promise<string> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const stats = await file.stat()
  if (!stats.isFile()) throw new PackageError('no-entry', `${path} is no ordinary file; put one there`)
  if (stats.size > sizeBytesMax)
    throw new PackageError('no-entry', `${path} is larger than ${sizeBytesMax} bytes; make it smaller`)
  return await file.readFile('utf8')
}

/** V8 quotes what it has read, and it may have read a link of the pod's to what is the agent's alone. Hence no cause, either. */
const withoutSource = ({ message }: SyntaxError): string => message.replace(/, .*$/s, '')

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
