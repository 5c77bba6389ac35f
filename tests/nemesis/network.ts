/**
 * Hosts in network namespaces around one hub, and partitions between any two of them: the hub drops their packets, as a
 * broken switch does. Nobody is told; connections hang. Needs root. This machine's own network is a host too: `outside`.
 */
import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import type { Host } from '../support/hosts.ts'

const run = promisify(execFile)

export interface Network extends AsyncDisposable {
  readonly outside: { readonly address: string }
  /** By its name, with an address that all others reach. */
  host(name: string): Host
  drop(way: Way): Promise<void>
  /** Everything passes again. */
  heal(): Promise<void>
}

/** Of addresses. Packets from `from` to `to` are lost, not those of the other direction. */
export interface Way {
  readonly from: string
  readonly to: string
}

export const bothWays = ({ from, to }: Way): readonly Way[] => [
  { from, to },
  { from: to, to: from },
]

export async function openNetwork(names: readonly string[]): Promise<Network> {
  await using stack = new AsyncDisposableStack()
  const prefix = `nm${process.pid}`
  // Two runs on one machine keep out of each other's way.
  const net = `10.${128 + (process.pid % 100)}`
  const hub = `${prefix}h`
  const ip = async (...args: readonly string[]) => void (await run('ip', args))
  const add = async (name: string) => {
    await ip('netns', 'add', name)
    stack.defer(() => void spawnSync('ip', ['netns', 'del', name]))
    await ip('-n', name, 'link', 'set', 'lo', 'up')
  }
  const filter = (...args: readonly string[]) => run('ip', ['netns', 'exec', hub, 'iptables', '-w', ...args])
  await add(hub)
  await run('ip', ['netns', 'exec', hub, 'sysctl', '-qw', 'net.ipv4.ip_forward=1'])
  const connect = async (number: number, device: string, inside: readonly string[]) => {
    const [near, far] = [`${net}.${number}.2`, `${net}.${number}.1`]
    const peer = `${device}x`
    await ip('link', 'add', device, 'type', 'veth', 'peer', 'name', peer, 'netns', hub)
    stack.defer(() => void spawnSync('ip', ['link', 'del', device]))
    if (inside[1] !== undefined) await ip('link', 'set', device, 'netns', inside[1])
    await ip(...inside, 'addr', 'add', `${near}/24`, 'dev', device)
    await ip(...inside, 'link', 'set', device, 'up')
    await ip('-n', hub, 'addr', 'add', `${far}/24`, 'dev', peer)
    await ip('-n', hub, 'link', 'set', peer, 'up')
    await ip(...inside, 'route', 'add', `${net}.0.0/16`, 'via', far)
    return near
  }
  const outside = await connect(0, `${prefix}o`, [])
  const hosts = new Map<string, Host>()
  for (const [i, name] of names.entries()) {
    const space = `${prefix}-${name}`
    await add(space)
    const address = await connect(i + 1, `${prefix}v${i}`, ['-n', space])
    hosts.set(name, hostIn(space, address))
  }
  const owned = stack.move()
  return {
    outside: { address: outside },
    host(name) {
      const host = hosts.get(name)
      if (!host) throw new Error(`no host ${name}`)
      return host
    },
    async drop({ from, to }) {
      await filter('-A', 'FORWARD', '-s', from, '-d', to, '-j', 'DROP')
    },
    async heal() {
      await filter('-F', 'FORWARD')
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

const hostIn = (space: string, address: string): Host => ({
  address,
  command: (program, args) => ['ip', ['netns', 'exec', space, program, ...args]],
  run(program, args) {
    const { status, stdout, stderr } = spawnSync('ip', ['netns', 'exec', space, program, ...args], {
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(`${program} ${args.join(' ')} failed: ${stderr}`)
    return stdout
  },
})
