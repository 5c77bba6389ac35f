/**
 * Container engines with an image of nothing but Node.js, its libraries and the app, on the host's network. What podman keeps
 * lies in the benchmark's folder, and so does what docker's daemon keeps, unless one runs already.
 */
import { execFile, spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { realClock } from '../src/base/clock.ts'
import { isPresent } from '../tools/parts.ts'
import { openDockerDaemon } from './docker-daemon.ts'
import type { Peer, Starter } from './peer.ts'
import { freePort, untilAnswers } from './ports.ts'

const run = promisify(execFile)
const image = 'bench-hello'

/** A command line of an engine that understands docker's commands. */
type Engine = (args: readonly string[]) => Promise<unknown>

interface Opened {
  readonly engine: Engine
  /** Its daemon, if it has one that is ours. */
  end(): Promise<void>
}

interface Preparation {
  /** Throws when it can't run here. */
  readonly open: () => Promise<Opened>
  readonly name: string
  /** More options of its `run`. */
  readonly options: readonly string[]
  readonly place: string
  readonly app: string
}

export function preparePodman(folder: string, app: string, progress: (line: string) => void) {
  const place = join(folder, 'podman')
  const storage = ['--root', join(place, 'storage'), '--runroot', join(place, 'run'), '--log-level', 'error']
  // Where cgroups are of both versions crun refuses to start: in a mount namespace of its own it sees those of version 1 only.
  const script = 'umount /sys/fs/cgroup/unified 2>/dev/null; exec podman --cgroup-manager=cgroupfs "$@"'
  const engine: Engine = (args) =>
    run('unshare', ['--mount', 'sh', '-c', script, 'podman', ...storage, ...args])
  const open = () => Promise.resolve({ engine, end: () => Promise.resolve() })
  const options = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=4096:4096']
  return prepare({ open, name: 'podman', options, place, app }, progress)
}

export function prepareDocker(folder: string, app: string, progress: (line: string) => void) {
  const place = join(folder, 'docker')
  const open = async (): Promise<Opened> => {
    if (!isPresent('docker')) throw new Error('there is no docker')
    const engine: Engine = (args) => run('docker', [...args])
    if (spawnSync('docker', ['version']).status === 0) return { engine, end: () => Promise.resolve() }
    const daemon = await openDockerDaemon(join(place, 'daemon'))
    return { engine: (args) => engine(['--host', daemon.host, ...args]), end: () => daemon.end() }
  }
  return prepare({ open, name: 'docker', options: [], place, app }, progress)
}

async function prepare(
  { open, name, options, place, app }: Preparation,
  progress: (line: string) => void,
): Promise<Peer | undefined> {
  let opened: Opened | undefined
  try {
    const running = (opened = await open())
    const { engine } = running
    const start = starterOf(engine, options)
    await engine(['info'])
    await engine(['import', rootFilesystem(join(place, 'image'), app), image])
    await start(-1)
    return {
      start,
      async end() {
        try {
          await engine(['rmi', '--force', image])
        } finally {
          await running.end()
        }
      },
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    progress(`${name} can't run here and is left out: ${why}`)
    await opened?.end()
    return undefined
  }
}

function starterOf(engine: Engine, options: readonly string[]): Starter {
  return async (round) => {
    const port = await freePort()
    const container = `${image}-${round}`
    const startMs = realClock.monotonicMs()
    const where = ['--network', 'host', '--workdir', '/app', '--env', `PORT=${port}`]
    const what = [image, '/usr/bin/node', 'server.js']
    await engine(['run', '--detach', '--name', container, ...where, ...options, ...what])
    await untilAnswers(`http://127.0.0.1:${port}/`)
    const ms = realClock.monotonicMs() - startMs
    await engine(['rm', '--force', container])
    return { 'first answer': ms }
  }
}

/** A tar of the interpreter, the libraries it names, and the app. */
function rootFilesystem(place: string, app: string): string {
  const { stdout } = spawnSync('ldd', [process.execPath], { encoding: 'utf8' })
  const libraries = [...stdout.matchAll(/\/\S+/g)].map(([path]) => path)
  for (const library of libraries) {
    mkdirSync(join(place, dirname(library)), { recursive: true })
    copyFileSync(library, join(place, library))
  }
  mkdirSync(join(place, 'usr', 'bin'), { recursive: true })
  copyFileSync(process.execPath, join(place, 'usr', 'bin', 'node'))
  cpSync(app, join(place, 'app'), { recursive: true })
  const { status, stderr } = spawnSync('tar', ['-C', place, '-cf', `${place}.tar`, '.'], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`tar failed: ${stderr}`)
  return `${place}.tar`
}
