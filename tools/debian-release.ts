/**
 * A program of another Debian release than the machine's, unpacked into a folder of its own: nothing is installed, and
 * the machine's own lists of packages stay as they are.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

export interface ReleasedPackage {
  readonly debianPackage: string
  readonly release: string
}

const cache = join(import.meta.dirname, '..', 'node_modules', '.cache', 'debian')
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'

/** Where the package is, or would be. */
export const unpackedPath = ({ debianPackage, release }: ReleasedPackage): string =>
  join(cache, `${release}-${debianPackage}`)

/** Throws when apt can't bring it. Safe to call from several processes at once: the folder appears complete or not at all. */
export function unpackPackage(wanted: ReleasedPackage): void {
  const { debianPackage, release } = wanted
  const target = unpackedPath(wanted)
  if (existsSync(target)) return
  mkdirSync(dirname(target), { recursive: true })
  const folder = mkdtempSync(`${target}.`)
  try {
    const lists = join(folder, 'lists')
    for (const path of [join(lists, 'partial'), join(folder, 'archives', 'partial'), join(folder, 'tree')])
      mkdirSync(path, { recursive: true })
    const sources = join(folder, 'debian.sources')
    const uri = 'http://deb.debian.org/debian'
    writeFileSync(
      sources,
      `Types: deb\nURIs: ${uri}\nSuites: ${release}\nComponents: main\nSigned-By: ${keyring}\n`,
    )
    const settings = [
      `Dir::Etc::sourcelist=${sources}`,
      'Dir::Etc::sourceparts=-',
      `Dir::State::lists=${lists}`,
      `Dir::Cache=${folder}`,
      'Acquire::Languages=none',
      'APT::Sandbox::User=',
    ].flatMap((setting) => ['-o', setting])
    run('apt-get', ['-qq', ...settings, 'update'], folder)
    run('apt-get', ['-qq', ...settings, 'download', debianPackage], folder)
    const [archive] = globSync(join(folder, `${debianPackage}_*.deb`))
    if (archive === undefined) throw new Error(`apt-get brought no archive of ${debianPackage}`)
    run('dpkg-deb', ['-x', archive, join(folder, 'tree')], folder)
    if (!existsSync(target)) renameSync(join(folder, 'tree'), target)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function run(program: string, args: readonly string[], cwd: string): void {
  const { error, status } = spawnSync(program, args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] })
  if (error) throw error
  if (status !== 0) throw new Error(`${program} ${args.at(-2)} ${args.at(-1)} failed with ${status}`)
}
