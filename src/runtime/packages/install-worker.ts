/**
 * The install worker: a short-lived process, because npm's library takes more than a hundred megabytes that the agent
 * should not keep. Reads one `Job` as JSON from stdin, writes `Message`s as lines of JSON to stdout, and ends. When
 * stdin closes before it is done, its agent has died: it ends, too, and its temporary folder is swept later.
 */
import { execFile } from 'node:child_process'
import { access, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pacote from 'pacote'
import semver from 'semver'
import { PackageError } from './errors.ts'
import { untrustedCode, type Failure } from './failures.ts'
import {
  findTrees,
  layout,
  makeParent,
  makeTemporary,
  nodeFolder,
  packageFolder,
  recordName,
  treeFolder,
  type TreeRecord,
} from './layout.ts'
import { checkTrust } from './trust.ts'
import { chooseNodeVersion } from './node-version.ts'
import type { NpmConfig } from './npm-config.ts'

export type Job = { readonly root: string; readonly npm: NpmConfig } & (
  | {
      readonly kind: 'package'
      readonly name: string
      readonly version: string
      readonly scripts: boolean
      readonly trusted?: string
    }
  | { readonly kind: 'node'; readonly package: string; readonly range: string }
)

export type Message =
  | { readonly type: 'temporary'; readonly folder: string }
  | { readonly type: 'resolved'; readonly version: string }
  | {
      readonly type: 'installed'
      readonly version: string
      readonly folder: string
      readonly integrity: string
      readonly skippedScripts: readonly string[]
    }
  | { readonly type: 'failed'; readonly failure: Failure }

const say = (message: Message): void => void process.stdout.write(`${JSON.stringify(message)}\n`)

async function main(): Promise<void> {
  let step: Failure['step'] = 'resolving'
  let temporary: string | undefined
  try {
    const job = await readJob()
    temporary = await makeTemporary(job.root)
    say({ type: 'temporary', folder: temporary })
    const options = { ...job.npm, cache: layout(job.root).tarballs, preferOnline: true }
    const resolved = (version: string) => {
      step = 'installing'
      say({ type: 'resolved', version })
    }
    say(await (job.kind === 'package' ? installPackage : installNode)({ job, temporary, options, resolved }))
  } catch (e) {
    const failure = describeFailure(e, step)
    say({
      type: 'failed',
      failure: e instanceof PackageError ? { ...failure, code: untrustedCode } : failure,
    })
  } finally {
    if (temporary !== undefined) await rm(temporary, { recursive: true, force: true })
  }
  process.stdin.destroy()
}

async function readJob(): Promise<Job> {
  const { promise, resolve } = Promise.withResolvers<string>()
  let text = ''
  process.stdin.setEncoding('utf8')
  process.stdin.on('data', (chunk: string) => {
    text += chunk
    if (text.endsWith('\n')) resolve(text)
  })
  process.stdin.on('end', () => process.exit(1)) // the agent has died
  return JSON.parse(await promise) as Job
}

interface Work {
  readonly job: Job
  readonly temporary: string
  readonly options: Readonly<Record<string, unknown>>
  readonly resolved: (version: string) => void
}

async function installPackage({ job, temporary, options, resolved }: Work): Promise<Message> {
  if (job.kind !== 'package') throw new TypeError('not a package job')
  const { root, name, scripts, trusted } = job
  const manifest = await pacote.manifest(`${name}@${job.version}`, options)
  const { version } = manifest
  if (manifest.name !== name || semver.valid(version) !== version)
    throw new Error(`the registry answered with ${manifest.name}@${version}`)
  checkTrust(trusted === undefined ? undefined : { pattern: trusted }, `${name}@${version}`)
  const integrity = manifest._integrity ? String(manifest._integrity) : ''
  const identity = { name, version, integrity, scripts }
  const place = treeFolder(root, identity)
  resolved(version)
  const there = (await findTrees(root, identity)).find((t) => t.tree === place)
  if (there) return installedMessage(there, place)

  const tree = join(temporary, 'tree')
  await mkdir(tree)
  await writeFile(join(tree, 'package.json'), '{"private":true}\n')
  const { Arborist } = await import('@npmcli/arborist')
  const arborist = new Arborist({
    ...options,
    path: tree,
    ignoreScripts: !scripts,
    dangerouslyAllowAllScripts: scripts,
    audit: false,
    fund: false,
    // What the tree needs is known only after the engines were read: Node.js is chosen later, by the agent.
    engineStrict: false,
    // What a package names on this machine's disk, or among the repositories that the agent's user gets to, is not its author's.
    allowDirectory: 'none',
    allowFile: 'none',
    allowGit: 'none',
  })
  await arborist.reify({ add: [`${name}@${version}`], omit: ['dev'], save: true })
  await checkInstalled(arborist.actualTree, packageFolder(tree, name), identity)
  const skippedScripts = scripts ? [] : scriptedPackages(arborist.actualTree)
  const record: TreeRecord = { ...identity, skippedScripts }
  await writeFile(join(tree, recordName), `${JSON.stringify(record)}\n`)
  await moveTo(tree, place)
  return installedMessage(record, place)
}

/** What was installed is what was resolved and asked about: the registry is asked twice, and could answer differently. */
async function checkInstalled(
  tree: unknown,
  folder: string,
  {
    name,
    version,
    integrity,
  }: { readonly name: string; readonly version: string; readonly integrity: string },
): Promise<void> {
  await access(join(folder, 'package.json'))
  const { children } = tree as {
    readonly children: {
      get(
        name: string,
      ):
        | { readonly packageName?: string; readonly version?: string; readonly integrity?: string | null }
        | undefined
    }
  }
  const found = children.get(name)
  const isSame =
    found?.packageName === name &&
    found.version === version &&
    !contradict(integrity, String(found.integrity ?? ''))
  if (isSame) return
  throw Object.assign(
    new Error(`${name}@${version} was resolved, ${found?.packageName}@${found?.version} was installed`),
    { code: 'EINTEGRITY' },
  )
}

/** Old packages have a SHA-1 in the registry's list and get a SHA-512 when they are fetched: those say nothing about each other. */
function contradict(one: string, other: string): boolean {
  const [ours, theirs] = [one, other].map((text) => text.split(/\s+/).filter((hash) => hash !== ''))
  const algorithm = (hash: string) => hash.slice(0, hash.indexOf('-'))
  const comparable = (ours ?? []).filter((hash) =>
    theirs?.some((each) => algorithm(each) === algorithm(hash)),
  )
  return comparable.length > 0 && !comparable.some((hash) => theirs?.includes(hash))
}

const installedMessage = ({ version, integrity, skippedScripts }: TreeRecord, folder: string): Message => ({
  type: 'installed',
  version,
  folder,
  integrity,
  skippedScripts,
})

const skippedScriptsMax = 20 // for an event; the cause is plain after the first few

function scriptedPackages(tree: unknown): readonly string[] {
  const { inventory } = tree as {
    readonly inventory: {
      values(): Iterable<{ readonly packageName?: string; readonly hasInstallScript?: boolean }>
    }
  }
  const names = [...inventory.values()].flatMap((n) => (n.hasInstallScript && n.packageName) || [])
  return [...new Set(names)].slice(0, skippedScriptsMax)
}

const run = promisify(execFile)

async function installNode({ job, temporary, options, resolved }: Work): Promise<Message> {
  if (job.kind !== 'node') throw new TypeError('not a Node.js job')
  const packument = await pacote.packument(job.package, options)
  const versions = Object.keys(packument.versions)
  const version = chooseNodeVersion(versions, job.range)
  if (version === undefined) {
    const latest = packument['dist-tags'].latest
    throw Object.assign(new Error(`no version of Node.js matches ${job.range}`), {
      code: 'ETARGET',
      versions,
      distTags: { latest },
    })
  }
  resolved(version)
  const place = nodeFolder(job.root, version)
  const folder = join(temporary, 'node')
  const { integrity } = await pacote.extract(`${job.package}@${version}`, folder, options)
  const { stdout } = await run(join(folder, 'bin', 'node'), ['--version'], { env: {} })
  if (stdout.trim() !== `v${version}`)
    throw new Error(`${job.package}@${version} says it is ${stdout.trim()}`)
  await moveTo(folder, place)
  return { type: 'installed', version, folder: place, integrity: String(integrity), skippedScripts: [] }
}

/** What appears at `place` is whole, also after a power failure; another worker may have been faster. */
async function moveTo(folder: string, place: string): Promise<void> {
  await makeParent(place)
  await run('sync', ['--file-system', folder]).catch(() => {}) // an old or a small sync(1): then only a power failure can harm
  try {
    await rename(folder, place)
  } catch (e) {
    if (!(e instanceof Error && 'code' in e && (e.code === 'ENOTEMPTY' || e.code === 'EEXIST'))) throw e
  }
}

const versionsMax = 2000 // of a packument that has tens of thousands; the newest are last

function describeFailure(e: unknown, step: Failure['step']): Failure {
  if (!(e instanceof Error)) return { code: '', message: String(e), step }
  const extra = e as Error & {
    readonly code?: unknown
    readonly package?: unknown
    readonly versions?: readonly string[]
    readonly distTags?: { readonly latest?: string }
  }
  const latest = extra.distTags?.latest
  return {
    code: typeof extra.code === 'string' ? extra.code : '',
    message: e.message.split('\n')[0] ?? '',
    step,
    ...(typeof extra.package === 'string' ? { dependency: extra.package } : {}),
    ...(extra.versions ? { versions: extra.versions.slice(-versionsMax) } : {}),
    ...(latest === undefined ? {} : { latest }),
  }
}

void main()
