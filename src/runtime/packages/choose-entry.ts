import { posix } from 'node:path'
import { PackageError } from './errors.ts'
import type { Manifest } from './manifest.ts'

/** What a package runs when nobody says otherwise. Paths are relative to the package's folder. */
export type Entry =
  | { readonly kind: 'bin'; readonly file: string }
  | { readonly kind: 'file'; readonly file: string }
  /** A line for a shell, as `npm start` runs it. */
  | { readonly kind: 'script'; readonly script: string }

export interface EntryQuestion {
  readonly scheme: 'npm' | 'dir'
  /** How the image is called in errors. */
  readonly title: string
  readonly manifest: Manifest | undefined
  /** Whether a file (not a folder) is there. */
  readonly isFile: (path: string) => boolean
}

/**
 * In this order:
 *
 *   npm:   bin (the one named like the package, or the only one) → exports, main → index.js
 *   dir:   scripts.start → exports, main → server.js → index.js → bin
 *
 * A published package is made to be run by its bin; its start script is its author's. A project is the other way round.
 * Throws `PackageError`: 'no-entry', or 'ambiguous-entry' when there are several bins.
 */
export function chooseEntry(question: EntryQuestion): Entry {
  const { scheme, manifest, isFile } = question
  const script = manifest?.scripts['start']?.trim()
  if (scheme === 'dir' && script) {
    return { kind: 'script', script: withHooks(script, manifest?.scripts ?? {}) }
  }
  const fallbacks = scheme === 'dir' ? ['server.js', 'index.js'] : ['index.js']
  const file = () => mainFile(question) ?? fallbacks.find(isFile)
  const found =
    scheme === 'npm' ? (binFile(question) ?? asFile(file())) : (asFile(file()) ?? binFile(question))
  if (found) return found
  throw new PackageError('no-entry', noEntryMessage(question))
}

const asFile = (file: string | undefined): Entry | undefined =>
  file === undefined ? undefined : { kind: 'file', file }

const withHooks = (script: string, { prestart }: Readonly<Record<string, string>>): string =>
  prestart ? `(${prestart}) && ${script}` : script

function binFile({ manifest, title, isFile }: EntryQuestion): Entry | undefined {
  const bin = manifest?.bin
  if (bin === undefined) return undefined
  const bins = typeof bin === 'string' ? [bin] : Object.values(bin)
  const unscoped = manifest?.name?.split('/').at(-1) ?? ''
  const chosen = bins.length === 1 ? bins[0] : typeof bin === 'object' ? bin[unscoped] : undefined
  if (chosen !== undefined) {
    const file = inside(chosen)
    if (file !== undefined && isFile(file)) return { kind: 'bin', file }
    throw new PackageError(
      'no-entry',
      `the bin of ${title}, ${chosen}, is not in the package; set the container's command, or use another version`,
    )
  }
  if (bins.length === 0) return undefined
  throw new PackageError(
    'ambiguous-entry',
    `${title} has several commands; set the container's command to one of: ${Object.keys(bin).join(', ')}`,
  )
}

function mainFile({ manifest, isFile }: EntryQuestion): string | undefined {
  const targets = [exportTarget(manifest?.exports), manifest?.main]
  for (const target of targets) {
    const path = target === undefined ? undefined : inside(target)
    if (path === undefined) continue
    const candidates = [path, `${path}.js`, `${path}.cjs`, `${path}.mjs`, posix.join(path, 'index.js')]
    const file = candidates.find(isFile)
    if (file !== undefined) return file
  }
  return undefined
}

// Those that Node.js sets for a program's first module, most specific first.
const conditions = ['node', 'import', 'require', 'default']

/** The file that `exports` gives for the package itself. */
function exportTarget(exports: unknown): string | undefined {
  if (typeof exports === 'string') return exports
  if (Array.isArray(exports)) return exports.map(exportTarget).find((t) => t !== undefined)
  if (typeof exports !== 'object' || exports === null) return undefined
  const byName = exports as Readonly<Record<string, unknown>>
  if ('.' in byName) return exportTarget(byName['.'])
  for (const condition of conditions) {
    const target = exportTarget(byName[condition])
    if (target !== undefined) return target
  }
  return undefined
}

/** The path relative to the package's folder; undefined when it leads out of it. */
function inside(path: string): string | undefined {
  const normal = posix.normalize(path).replace(/\/$/, '')
  return normal.startsWith('../') || normal === '..' || normal.startsWith('/') ? undefined : normal
}

function noEntryMessage({ scheme, title, manifest }: EntryQuestion): string {
  if (scheme === 'npm') {
    return `${title} has nothing to run: no bin, and no file for main, exports or index.js; it may be a library. Set the container's command`
  }
  const looked = manifest ? 'no start script, and no file for main' : 'no package.json'
  return `${title} has nothing to run: ${looked}, server.js or index.js. Add a start script, or set the container's command`
}
