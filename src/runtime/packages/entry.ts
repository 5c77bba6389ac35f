import { accessSync, constants, statSync } from 'node:fs'
import { open, realpath } from 'node:fs/promises'
import { dirname, extname, isAbsolute, join } from 'node:path'
import type { Prepared } from './prepared.ts'
import { chooseEntry, type Entry } from './choose-entry.ts'
import { PackageError } from './errors.ts'
import { type Manifest, readManifest } from './manifest.ts'

/** A command that the process runtime can start. */
export interface Launch {
  readonly argv: readonly string[]
  /** The package's folder; for a `bin` of an npm package the pod's own `workspace`, because the package's is shared. */
  readonly cwd: string
  /** Always true for packages: even a shell command of the pod may start Node.js. */
  readonly node: boolean
  readonly nodeVersion: string
  /** The value of PATH: the package's own tools, its Node.js, then `basePath`. */
  readonly path: string
}

export interface EntryOptions {
  /** The container's `command`: replaces the package's entry. */
  readonly command?: readonly string[]
  /** The container's `args`: appended. */
  readonly args?: readonly string[]
  /** The pod's own writable folder. */
  readonly workspace: string
  /** PATH of the machine, e.g. /usr/local/bin:/usr/bin:/bin. */
  readonly basePath?: string
}

const basePathDefault = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** How to run a prepared package. Throws `PackageError`. */
export async function resolveEntry(prepared: Prepared, options: EntryOptions): Promise<Launch> {
  const folders = [
    join(prepared.folder, 'node_modules', '.bin'),
    ...(prepared.scheme === 'npm' ? [treeBin(prepared)] : []),
    dirname(prepared.node.path),
    ...(options.basePath ?? basePathDefault).split(':').filter(isAbsolute),
  ]
  const command = options.command ?? []
  const { argv, inFolder } =
    command.length > 0
      ? await commandOf(command, { prepared, folders })
      : await entryOf(prepared, options.args ?? [])
  return {
    argv: command.length > 0 ? [...argv, ...(options.args ?? [])] : argv,
    cwd: prepared.scheme === 'dir' || inFolder ? prepared.folder : options.workspace,
    node: true,
    nodeVersion: prepared.node.version,
    path: folders.join(':'),
  }
}

/** TREE/node_modules/.bin of TREE/node_modules/NAME or TREE/node_modules/@SCOPE/NAME. */
const treeBin = ({ folder, name }: Prepared): string =>
  join(folder, ...name.split('/').map(() => '..'), '.bin')

interface Command {
  readonly argv: readonly string[]
  /** The program was named relative to the package's folder, and will expect to be there. */
  readonly inFolder: boolean
}

async function entryOf(prepared: Prepared, args: readonly string[]): Promise<Command> {
  const { folder, scheme, node } = prepared
  const manifest = await readManifest(folder)
  const title = scheme === 'dir' ? `the folder ${folder}` : `${prepared.name}@${prepared.version}`
  const entry: Entry = chooseEntry({
    scheme,
    title,
    manifest,
    isFile: (path) => isFile(join(folder, path)),
  })
  switch (entry.kind) {
    case 'bin':
      return {
        argv: [...(await programOf(join(folder, entry.file), prepared)), ...args],
        inFolder: false,
      }
    case 'file':
      return { argv: [node.path, join(folder, entry.file), ...args], inFolder: true }
    case 'script':
      return { argv: scriptArgv(entry.script, node.path, args), inFolder: true }
    default:
      return entry satisfies never
  }
}

// Plain words only: whatever a shell would treat in its own way is left to a shell.
const nodeScript = /^node((?:\s+[\w./@:,+=-]+)+)$/

/** `node server.js` needs no shell, whose only work would be to stand between the agent and the program. */
function scriptArgv(script: string, nodePath: string, args: readonly string[]): readonly string[] {
  const words = nodeScript.exec(script)?.[1]?.trim().split(/\s+/)
  if (words) return [nodePath, ...words, ...args]
  return [
    '/bin/sh',
    '-c',
    args.length > 0 ? `${script} "$@"` : script,
    ...(args.length > 0 ? ['sh', ...args] : []),
  ]
}

async function commandOf(
  [program = '', ...args]: readonly string[],
  { prepared, folders }: { readonly prepared: Prepared; readonly folders: readonly string[] },
): Promise<Command> {
  if (program.includes('/')) {
    const path = isAbsolute(program) ? program : join(prepared.folder, program)
    if (!isFile(path)) throw await notFound(program, prepared)
    return { argv: [...(await programOf(path, prepared)), ...args], inFolder: !isAbsolute(program) }
  }
  const path = folders.map((f) => join(f, program)).find(isExecutable)
  if (path === undefined) throw await notFound(program, prepared)
  return { argv: [...(await programOf(path, prepared)), ...args], inFolder: false }
}

async function notFound(program: string, { folder, name }: Prepared): Promise<PackageError> {
  const manifest: Manifest | undefined = await readManifest(folder)
  const { bin } = manifest ?? {}
  const own = bin === undefined ? [] : typeof bin === 'string' ? [name.split('/').at(-1)] : Object.keys(bin)
  const hint = own.length > 0 ? `; ${name} itself has: ${own.join(', ')}` : ''
  return new PackageError(
    'command-not-found',
    `the container's command "${program}" is neither in the package, nor in node_modules/.bin, nor on the machine's PATH${hint}`,
  )
}

const shebangBytesMax = 256 // the kernel's own limit

/** The program and what must stand before it: a script for Node.js gets the chosen interpreter, not that of PATH. */
async function programOf(file: string, { node }: Prepared): Promise<readonly string[]> {
  const path = await realpath(file)
  const flags = nodeFlags(await firstLine(path), extname(path))
  return flags === undefined ? [path] : [node.path, ...flags, path]
}

/** Undefined when the file is not for Node.js. Exported for its test. */
export function nodeFlags(line: string, extension: string): readonly string[] | undefined {
  if (!line.startsWith('#!')) return /^\.[cm]?[jt]s$/.test(extension) ? [] : undefined
  const words = line.slice(2).trim().split(/\s+/)
  const program = words[0]?.split('/').at(-1)
  const rest = program === 'env' ? words.slice(1).filter((w) => w !== '-S' && w !== '--') : words
  const name = rest[0]?.split('/').at(-1)
  return name === 'node' || name === 'nodejs' ? rest.slice(1) : undefined
}

async function firstLine(path: string): Promise<string> {
  // A pod may put a pipe in the place of its program: that must not be waited for.
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const { buffer, bytesRead } = await file.read(Buffer.alloc(shebangBytesMax), 0, shebangBytesMax, 0)
  return buffer.toString('utf8', 0, bytesRead).split(/\r?\n/)[0] ?? ''
}

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false

function isExecutable(path: string): boolean {
  if (!isFile(path)) return false
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false // the search of PATH goes on, as a shell's does
  }
}
