/**
 * Several hosts on one machine: network namespaces, joined by lines with a delay and a loss, some behind a NAT that lets
 * nothing in. Needs root. Everything is named after the process that made it and goes with it.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

export interface Hosts extends AsyncDisposable {
  /** A host with an address that everybody reaches. */
  readonly hub: Host
  /** Adds a host behind a NAT of its own. */
  behindNat(name: string, line: LineOptions): Promise<NattedHost>
}

export interface Host {
  /** In the host's network. */
  command(program: string, args: readonly string[]): readonly [string, readonly string[]]
  run(program: string, args: readonly string[]): string
  /** What other hosts reach it by. */
  readonly address: string
}

export interface NattedHost extends Host {
  /** Nothing passes until `heal`. */
  cut(): void
  heal(): void
  /** The NAT gets another address on the outside, and forgets its connections. */
  moveTo(address: string): void
}

export interface LineOptions {
  /** One way. */
  readonly delayMs: number
  readonly lossPercent: number
  readonly seed: number
}

export const hubAddress = '10.99.0.1'

export async function openHosts(): Promise<Hosts> {
  const stack = new AsyncDisposableStack()
  const prefix = `sp${process.pid}`
  const hub = namespace(stack, `${prefix}-hub`)
  run('ip', ['-n', hub, 'addr', 'add', `${hubAddress}/32`, 'dev', 'lo'])
  run('ip', ['netns', 'exec', hub, 'sysctl', '-qw', 'net.ipv4.ip_forward=1'])
  let count = 0
  return {
    hub: hostIn(hub, hubAddress),
    async behindNat(name, line) {
      const number = ++count
      const [nat, host] = [namespace(stack, `${prefix}-nat${number}`), namespace(stack, `${prefix}-${name}`)]
      const lineEnds = { outside: `h${number}`, inside: `n${number}` }
      const running = await startLine(stack, [hub, lineEnds.outside, nat, lineEnds.inside], line)
      run('ip', ['-n', hub, 'link', 'set', lineEnds.outside, 'up'])
      run('ip', ['-n', nat, 'link', 'set', lineEnds.inside, 'up'])
      const outside = { current: '' }
      const moveTo = (address: string) => {
        if (outside.current) {
          run('ip', ['-n', nat, 'addr', 'flush', 'dev', lineEnds.inside])
          run('ip', ['-n', hub, 'route', 'del', `${outside.current}/32`])
        }
        outside.current = address
        run('ip', ['-n', nat, 'addr', 'add', `${address}/32`, 'dev', lineEnds.inside])
        run('ip', ['-n', hub, 'route', 'add', `${address}/32`, 'dev', lineEnds.outside])
        run('ip', ['-n', nat, 'route', 'replace', hubAddress, 'dev', lineEnds.inside, 'src', address])
      }
      moveTo(`10.99.${number}.1`)
      // The home network: 192.168.N.0/24, the host at .2 and the NAT at .1.
      run('ip', [
        'link',
        'add',
        `${prefix}v${number}`,
        'netns',
        host,
        'type',
        'veth',
        'peer',
        'name',
        'home',
        'netns',
        nat,
      ])
      run('ip', ['-n', nat, 'addr', 'add', `192.168.${number}.1/24`, 'dev', 'home'])
      run('ip', ['-n', nat, 'link', 'set', 'home', 'up'])
      run('ip', ['-n', host, 'addr', 'add', `192.168.${number}.2/24`, 'dev', `${prefix}v${number}`])
      run('ip', ['-n', host, 'link', 'set', `${prefix}v${number}`, 'up'])
      run('ip', ['-n', host, 'route', 'add', 'default', 'via', `192.168.${number}.1`])
      run('ip', ['netns', 'exec', nat, 'sysctl', '-qw', 'net.ipv4.ip_forward=1'])
      run('ip', [
        'netns',
        'exec',
        nat,
        'iptables',
        '-t',
        'nat',
        '-A',
        'POSTROUTING',
        '-o',
        lineEnds.inside,
        '-j',
        'MASQUERADE',
      ])
      return {
        ...hostIn(host, `192.168.${number}.2`),
        cut: () => void running.kill('SIGUSR1'),
        heal: () => void running.kill('SIGUSR2'),
        moveTo,
      }
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

function namespace(stack: AsyncDisposableStack, name: string): string {
  run('ip', ['netns', 'add', name])
  stack.defer(() => void spawnSync('ip', ['netns', 'del', name]))
  run('ip', ['-n', name, 'link', 'set', 'lo', 'up'])
  return name
}

const hostIn = (name: string, address: string): Host => ({
  address,
  command: (program, args) => ['nsenter', [`--net=/run/netns/${name}`, program, ...args]],
  run: (program, args) => run('nsenter', [`--net=/run/netns/${name}`, program, ...args]),
})

async function startLine(
  stack: AsyncDisposableStack,
  ends: readonly string[],
  { delayMs, lossPercent, seed }: LineOptions,
): Promise<ChildProcess> {
  const script = join(import.meta.dirname, 'link.py')
  const args = [script, ...ends, String(delayMs), String(lossPercent), String(seed)]
  const child = spawn('python3', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  stack.defer(async () => {
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    await ended
  })
  await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'exit').then(() =>
      Promise.reject(new Error('the line between two hosts could not be opened')),
    ),
  ])
  return child
}

function run(program: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' })
  if (status !== 0)
    throw new Error(`${program} ${args.join(' ')} failed: ${stderr || String(error)}`, { cause: error })
  return stdout
}
