import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isAlive, readStat } from '../process/proc.ts'

/** Where things lie in the cache; see `cache.ts` for the drawing. */
export const layout = (root: string) => ({
  npm: join(root, 'npm'),
  node: join(root, 'node'),
  tmp: join(root, 'tmp'),
  tarballs: join(root, 'tarballs'),
})

/** Written into a tree as its last file, before the tree is moved to its place. */
export interface TreeRecord {
  readonly name: string
  readonly version: string
  readonly integrity: string
  readonly scripts: boolean
  /** Packages of the tree whose install scripts were not run. */
  readonly skippedScripts: readonly string[]
}

export interface InstalledTree extends TreeRecord {
  /** The folder with node_modules. */
  readonly tree: string
}

export const recordName = 'sampan.json'
export const packageFolder = (tree: string, name: string) => join(tree, 'node_modules', name)
/** The other way round. */
export const treeOf = (folder: string, name: string) => join(folder, ...name.split('/').map(() => '..'), '..')

const versionFolder = (root: string, name: string, version: string) =>
  join(layout(root).npm, `${name.replace('/', '+')}@${version}`)

/** A tree is told apart by what its content depends on: the tarball, the platform (optional dependencies), scripts. */
export function treeFolder(
  root: string,
  { name, version, integrity, scripts }: Omit<TreeRecord, 'skippedScripts'>,
): string {
  const what = [integrity, process.platform, process.arch, scripts]
  const key = createHash('sha256').update(JSON.stringify(what)).digest('hex').slice(0, 16)
  return join(versionFolder(root, name, version), key)
}

/** The installed trees of a package, of one version or of all. */
export async function findTrees(
  root: string,
  wanted: { readonly name: string; readonly version?: string; readonly scripts: boolean },
): Promise<readonly InstalledTree[]> {
  const found: InstalledTree[] = []
  for (const version of wanted.version === undefined
    ? await versionsOf(root, wanted.name)
    : [wanted.version]) {
    const folder = versionFolder(root, wanted.name, version)
    for (const key of await list(folder)) {
      const tree = join(folder, key)
      const record = await readRecord(tree)
      if (record?.name === wanted.name && record.scripts === wanted.scripts) found.push({ ...record, tree })
    }
  }
  return found
}

async function versionsOf(root: string, name: string): Promise<readonly string[]> {
  const prefix = `${name.replace('/', '+')}@`
  return (await list(layout(root).npm)).filter((f) => f.startsWith(prefix)).map((f) => f.slice(prefix.length))
}

async function readRecord(tree: string): Promise<TreeRecord | undefined> {
  try {
    return JSON.parse(await readFile(join(tree, recordName), 'utf8')) as TreeRecord
  } catch {
    return undefined // not a whole tree, whatever the reason: it is installed again
  }
}

/** Versions of Node.js in the cache. */
export const cachedNodes = (root: string): Promise<readonly string[]> => list(layout(root).node)
export const nodeFolder = (root: string, version: string) => join(layout(root).node, version)

async function list(folder: string): Promise<readonly string[]> {
  return await readdir(folder).catch(() => []) // absent means empty
}

/** A new folder for work in progress, named after this process so that `sweep` knows when it is abandoned. */
export async function makeTemporary(root: string): Promise<string> {
  const { tmp } = layout(root)
  await mkdir(tmp, { recursive: true, mode: 0o700 })
  const folder = join(tmp, `${process.pid}.${readStat(process.pid)?.startTicks ?? 0}`)
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder)
  return folder
}

/** Removes the unfinished work of processes that have ended. */
export async function sweep(root: string): Promise<readonly string[]> {
  const abandoned = (await list(layout(root).tmp)).filter((name) => {
    const [pid = 0, startTicks = 0] = name.split('.').map(Number)
    return !isAlive({ pid, startTicks })
  })
  await Promise.all(
    abandoned.map((name) => rm(join(layout(root).tmp, name), { recursive: true, force: true })),
  )
  return abandoned
}

/** The parent of a final place must exist for the rename. */
export const makeParent = (folder: string) => mkdir(dirname(folder), { recursive: true })
