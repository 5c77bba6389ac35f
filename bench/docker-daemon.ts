/**
 * A daemon of Docker's for a benchmark, where root has its program and none runs. All that it keeps lies in one folder: its mounts, and
 * what it would leave in /run and /etc/docker, are in a mount namespace that ends with it.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, globSync, mkdirSync, openSync, readFileSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { realClock } from '../src/base/clock.ts'
import { isPresent } from '../tools/parts.ts'

export interface DockerDaemon {
  /** What `docker --host` takes. */
  readonly host: string
  /** Ends it. What it kept goes with the folder. */
  end(): Promise<void>
}

const readyWithinMs = 30_000
const askEveryMs = 100

/** Resolves once it answers. Throws with the end of its log when it doesn't. `place` is a folder that isn't there yet. */
export async function openDockerDaemon(place: string): Promise<DockerDaemon> {
  if (!isPresent('dockerd')) throw new Error('no daemon answers, and there is no dockerd (Debian: docker.io)')
  mkdirSync(place, { recursive: true })
  const [log, socket] = [join(place, 'log'), join(place, 'socket')]
  const group = `sampan-bench-${process.pid}`
  const hide = `for folder in /run /etc/docker; do [ ! -d $folder ] || mount -t tmpfs bench $folder || exit; done`
  const argv = [
    '--mount',
    'sh',
    '-c',
    `${hide}; exec dockerd "$@"`,
    'dockerd',
    ...options(place, socket, group),
  ]
  const output = openSync(log, 'w')
  const child = spawn('unshare', argv, { stdio: ['ignore', output, output] })
  closeSync(output)
  const ended = once(child, 'close')
  const end = async () => {
    child.kill('SIGTERM')
    await ended
    for (const left of globSync(`/sys/fs/cgroup/{,*/}${group}`)) rmdirSync(left)
  }
  const host = `unix://${socket}`
  for (let waitedMs = 0; waitedMs < readyWithinMs && child.exitCode === null; waitedMs += askEveryMs) {
    if (spawnSync('docker', ['--host', host, 'version']).status === 0) return { host, end }
    await realClock.sleep(askEveryMs)
  }
  await end()
  throw new Error(
    `dockerd does not answer: ${readFileSync(log, 'utf8').trim().split('\n').slice(-3).join(' ')}`,
  )
}

/** Containers are on the host's network, so nothing is made for others and the packet filter is left alone. */
const options = (place: string, socket: string, group: string): readonly string[] => [
  `--data-root=${join(place, 'storage')}`,
  `--exec-root=${join(place, 'run')}`,
  `--pidfile=${join(place, 'pid')}`,
  `--host=unix://${socket}`,
  '--bridge=none',
  '--iptables=false',
  '--ip-masq=false',
  '--exec-opt=native.cgroupdriver=cgroupfs',
  `--cgroup-parent=/${group}`,
]
