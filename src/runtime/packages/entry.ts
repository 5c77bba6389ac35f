import type { Prepared } from './cache.ts'

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

export declare function resolveEntry(prepared: Prepared, options: EntryOptions): Promise<Launch>
