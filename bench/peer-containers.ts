/**
 * Container engines with an image of nothing but Node.js, its libraries and the app, on the host's network. What podman keeps
 * lies in the benchmark's folder; docker is asked only where its daemon runs.
 */
import { execFile, spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { realClock } from '../src/base/clock.ts'
import type { Peer, Starter } from './peer.ts'
import { freePort, untilAnswers } from './ports.ts'

const run = promisify(execFile)
const image = 'bench-hello'

/** A command line of an engine that understands docker's commands. */
type Engine = (args: readonly string[]) => Promise<unknown>

interface Preparation {
  readonly engine: Engine
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
  const options = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=4096:4096']
  return prepare({ engine, name: 'podman', options, place, app }, progress)
}

export function prepareDocker(folder: string, app: string, progress: (line: string) => void) {
  const engine: Engine = (args) => run('docker', [...args])
  return prepare({ engine, name: 'docker', options: [], place: join(folder, 'docker'), app }, progress)
}

async function prepare(
  { engine, name, options, place, app }: Preparation,
  progress: (line: string) => void,
): Promise<Peer | undefined> {
  const start: Starter = async (round) => {
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
  try {
    await engine(['info'])
    await engine(['import', rootFilesystem(join(place, 'image'), app), image])
    await start(-1)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    progress(`${name} can't run here and is left out: ${why}`)
    return undefined
  }
  return {
    start,
    async end() {
      await engine(['rmi', '--force', image])
    },
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
