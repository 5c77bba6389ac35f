import { accessSync, constants, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { draftOf, removeLeftDrafts } from '../base/draft.ts'

/** Where a Sampan keeps what it has, and under which names. Everything below one folder that only its user can read. */
export interface DataDir {
  readonly root: string
  /** cluster-admin, for kubectl. */
  readonly kubeconfig: string
  /** Kubeconfigs of Sampan's own processes. */
  readonly credentials: string
  /** The cluster's CA and the server's certificate. */
  readonly pki: string
  readonly database: string
  /** What the agent knows: pods, logs, packages. */
  readonly node: string
  readonly logs: string
  /** Who runs: pids. */
  readonly run: string
}

export function dataDir(root: string): DataDir {
  return {
    root,
    kubeconfig: join(root, 'kubeconfig'),
    credentials: join(root, 'credentials'),
    pki: join(root, 'pki'),
    database: join(root, 'store.db'),
    node: join(root, 'node'),
    logs: join(root, 'logs'),
    run: join(root, 'run'),
  }
}

/** Makes the folders. Throws when the place can't be written to. */
export function createDataDir(dir: DataDir): void {
  mkdirSync(dir.root, { recursive: true, mode: 0o700 })
  // Before and not by the folders: on a read-only file system a recursive mkdir reports a folder as missing.
  accessSync(dir.root, constants.W_OK)
  for (const path of [dir.credentials, dir.pki, dir.node, dir.logs, dir.run]) {
    mkdirSync(path, { recursive: true, mode: 0o700 })
  }
}

export const credentialOf = (dir: DataDir, name: string): string =>
  join(dir.credentials, `${name}.kubeconfig`)

/** Mode 0600. Whoever reads the file sees the old text or the new, never a part, also while several write it. */
export function writeWhole(file: string, text: string): void {
  const draft = draftOf(file)
  try {
    writeFileSync(draft, text, { mode: 0o600, flag: 'wx' })
    renameSync(draft, file)
  } catch (error) {
    rmSync(draft, { force: true })
    throw error
  }
  removeLeftDrafts(file)
}

/** The user's data folder by the XDG rules. */
export function defaultDataDir(env: NodeJS.ProcessEnv): string {
  return join(env['XDG_DATA_HOME'] || join(homedir(), '.local', 'share'), 'sampan')
}
