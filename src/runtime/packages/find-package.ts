import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import semver from 'semver'
import type { NpmSource, Prepared } from './prepared.ts'
import { PackageError } from './errors.ts'
import { type Call, install } from './install.ts'
import { findTrees, packageFolder } from './layout.ts'
import { readManifest } from './manifest.ts'
import type { Installed } from './run-worker.ts'
import { checkRegistryVersion, checkTrust } from './trust.ts'

/** A package on this machine, before its interpreter is chosen. */
export type Found = Omit<Prepared, 'node'> & {
  readonly title: string
  /** The package's own `engines.node`. */
  readonly engines: string | undefined
}

/** From the cache, else from the registry. */
export async function findPackage(source: NpmSource, call: Call): Promise<Found> {
  checkRegistryVersion(source.name, source.version)
  return await foundIn((await cachedTree(source, call)) ?? (await installPackage(source, call)), source, call)
}

/** From the cache or not at all. */
export async function findCached(source: NpmSource, call: Call): Promise<Found> {
  const { name, version } = source
  const scripts = call.allowScripts ?? false
  const range = semver.validRange(version) ?? '*'
  const tree =
    (await cachedTree(source, call)) ?? (await newestCached({ name, version: range, scripts }, call))
  if (!tree) throw new PackageError('not-cached', `${name}@${version} is not in the cache of this machine`)
  return await foundIn(tree, source, call)
}

async function foundIn(tree: Tree, { name }: NpmSource, { trust }: Call): Promise<Found> {
  // Asked before the install, too; here also about what was there already.
  checkTrust(trust, `${name}@${tree.version}`)
  const folder = packageFolder(tree.folder, name)
  const manifest = await readManifest(folder)
  return {
    scheme: 'npm',
    folder,
    name,
    version: tree.version,
    integrity: tree.integrity,
    skippedScripts: tree.skippedScripts,
    title: `${name}@${tree.version}`,
    engines: manifest?.engines['node'],
  }
}

type Tree = Pick<Installed, 'folder' | 'version' | 'integrity' | 'skippedScripts'>

/** Only an exact version is known to be the right one without asking the registry. */
async function cachedTree({ name, version }: NpmSource, call: Call): Promise<Tree | undefined> {
  const exact = semver.valid(version)
  if (exact === null) return undefined
  const [found] = await findTrees(call.root, { name, version: exact, scripts: call.allowScripts ?? false })
  return found && { ...found, folder: found.tree }
}

async function installPackage({ name, version }: NpmSource, call: Call): Promise<Tree> {
  const scripts = call.allowScripts ?? false
  const asked = `${name}@${version}`
  try {
    return await install(
      {
        kind: 'package',
        root: call.root,
        npm: call.npm,
        name,
        version,
        scripts,
        ...(call.trust && { trusted: call.trust.pattern }),
      },
      { name, version, step: 'installing', message: (exact) => `installing ${name}@${exact}` },
      call,
    )
  } catch (e) {
    const cached = isUnreachable(e) ? await newestCached({ name, version, scripts }, call) : undefined
    if (!cached) throw e
    call.logger.warn('the registry cannot be reached; running the newest version in the cache', {
      package: asked,
      version: cached.version,
    })
    return cached
  }
}

const isUnreachable = (e: unknown): boolean => e instanceof PackageError && e.code === 'registry-unreachable'

/** For a range, a version that satisfies it is a right answer, if not the newest. For a tag there is no saying. */
async function newestCached(
  { name, version, scripts }: { readonly name: string; readonly version: string; readonly scripts: boolean },
  call: Call,
): Promise<Tree | undefined> {
  const range = semver.validRange(version)
  if (range === null) return undefined
  const fitting = (await findTrees(call.root, { name, scripts })).filter((t) =>
    semver.satisfies(t.version, range),
  )
  const newest = fitting.toSorted((a, b) => semver.compare(a.version, b.version)).at(-1)
  return newest && { ...newest, folder: newest.tree }
}

export async function findFolder(path: string, { trust }: Pick<Call, 'trust'>): Promise<Found> {
  checkTrust(trust, `dir:${path}`)
  const stats = await stat(path).catch((e: unknown) => {
    throw new PackageError(
      'dir-missing',
      `the folder ${path} cannot be read on this machine (${codeOf(e)}); create it here, or bind the pod to the node that has it`,
      { cause: e },
    )
  })
  if (!stats.isDirectory()) {
    throw new PackageError('dir-missing', `${path} is not a folder; dir: takes the folder of the app`)
  }
  // The dot is found by who may look into the folder.
  await stat(`${path}/.`).catch((e: unknown) => {
    throw new PackageError(
      'dir-missing',
      `the folder ${path} is closed to the agent's user (${codeOf(e)}): run chmod -R a+rX ${path} on this machine`,
      { cause: e },
    )
  })
  const manifest = await readManifest(path)
  return {
    scheme: 'dir',
    folder: path,
    name: manifest?.name ?? basename(path),
    version: manifest?.version ?? '',
    integrity: '',
    skippedScripts: [],
    title: `the folder ${path}`,
    engines: manifest?.engines['node'],
  }
}

const codeOf = (e: unknown): string => (e instanceof Error && 'code' in e ? String(e.code) : String(e))
