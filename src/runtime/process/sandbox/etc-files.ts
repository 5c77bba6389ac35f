/**
 * The part of /etc that sandboxed programs see. Each mount costs a start a fifth of a millisecond and more, so most small files are
 * not mounted one by one: copies of them lie in one folder, mounted as /etc/.system, to which links in /etc lead. A file that is
 * itself a link into the system's own folders stays that link: programs read the name of the time zone from it.
 */
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import type { Stats } from 'node:fs'
import { join } from 'node:path'

export interface EtcFiles {
  /** Where the copies lie. */
  readonly copies: string
  /** Links in /etc and where they lead to, inside. */
  readonly links: readonly { readonly path: string; readonly target: string }[]
  /** Mounted as they are, with links resolved. */
  readonly mounts: readonly { readonly path: string; readonly source: string }[]
  /** Copies what has changed on the machine since. Programs that run see it, too. They ask `nameServer`, if there is one, for names. */
  refresh(nameServer?: string): void
}

/** Where the copies are, inside; below /etc. */
export const copiesPlace = '.system'

/** No file of these is a secret between pods. */
const common = [
  'hosts',
  'host.conf',
  'resolv.conf',
  'nsswitch.conf',
  'gai.conf',
  'services',
  'protocols',
  'localtime',
  'timezone',
  'os-release',
  'mime.types',
]
/** Folders; what a pod has its own of, so that the machine's is not to be seen; what the loader reads, which must be the machine's (`system-places.ts`). */
const mounted = [
  'passwd',
  'group',
  'ssl',
  'pki',
  'alternatives',
  'ld.so.cache',
  'ld-musl-x86_64.path',
  'fonts',
  'terminfo',
]

export interface EtcOptions {
  /** Made for the copies. */
  readonly folder: string
  /** Those of `/` that are the same inside. */
  readonly systemFolders: readonly string[]
  /** The machine's; for tests another one. */
  readonly etc?: string
}

export function openEtcFiles({ folder, systemFolders, etc = '/etc' }: EtcOptions): EtcFiles {
  const find = (name: string) => {
    const own = join(etc, name)
    if (!statSync(own, { throwIfNoEntry: false })) return []
    return [{ name, own, path: `/etc/${name}`, source: realpathSync(own) }]
  }
  const isSystem = (source: string) => systemFolders.some((system) => source.startsWith(`${system}/`))
  const files = common.flatMap(find).map((file) => ({ ...file, isLinked: isSystem(file.source) }))
  const copied = new Map<string, string>() // name → what was copied
  mkdirSync(folder, { recursive: true })
  chmodSync(folder, 0o755) // whoever the program runs as
  const refresh = (nameServer?: string) => {
    for (const { name, own, isLinked } of files) {
      const stats = isLinked ? undefined : statSync(own, { throwIfNoEntry: false })
      // One that was removed stays, as it does for programs that have it mounted.
      const rewrite = name === 'resolv.conf' && nameServer !== undefined ? resolvingAt(nameServer) : undefined
      const stamp = stats && `${stampOf(stats)} ${rewrite ? nameServer : ''}`
      if (!stats?.isFile() || copied.get(name) === stamp) continue
      if (copyWhole(own, join(folder, name), stats, rewrite)) copied.set(name, stamp ?? '')
    }
  }
  refresh()
  return {
    copies: folder,
    links: files.map(({ name, path, source, isLinked }) => ({
      path,
      target: isLinked ? source : `${copiesPlace}/${name}`,
    })),
    mounts: mounted.flatMap(find),
    refresh,
  }
}

const stampOf = ({ ctimeMs, ino, mtimeMs, size }: Stats): string => [ino, size, mtimeMs, ctimeMs].join(' ')

/** What else the file says, where names are looked for and how long, stays. */
const resolvingAt = (nameServer: string) => (text: string) =>
  `nameserver ${nameServer}\n${text.replace(/^\s*nameserver\b.*\n?/gm, '')}`

/** Readers see the old content or the new one. Answers whether it is the new one. */
function copyWhole(
  source: string,
  target: string,
  { mode }: Stats,
  rewrite?: (text: string) => string,
): boolean {
  const draft = `${target}.new`
  try {
    rmSync(draft, { force: true })
    if (rewrite) writeFileSync(draft, rewrite(readFileSync(source, 'utf8')))
    else copyFileSync(source, draft)
    chmodSync(draft, mode & 0o777)
    renameSync(draft, target)
    return true
  } catch (error) {
    if (!staysAsItWas.some((code) => error instanceof Error && 'code' in error && error.code === code))
      throw error
    rmSync(draft, { force: true })
    return false
  }
}

/** Gone meanwhile; not for this user, hence not for its programs either; no room. */
const staysAsItWas = ['ENOENT', 'EACCES', 'ENOSPC', 'EDQUOT']
