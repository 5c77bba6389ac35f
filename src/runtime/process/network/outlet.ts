/**
 * The way out for programs that have no preload: git, curl, drivers of databases in native code. The pods' network has a line to another
 * one, in which every address is its own; there ports listen on all addresses, and whoever comes is led on to the
 * address that it came for. Pods can't make an address of the outside their own, as it would be in their network.
 *
 * The usual ports listen from the beginning. At others the first packet of a connection gets no answer; that somebody waits for
 * one stands in the kernel's table, the port is opened, and the second packet, a second later, finds it. Datagrams go nowhere.
 */
import { execFile, spawn, type ChildProcessByStdio } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { promisify } from 'node:util'
import type { Clock } from '../../../base/clock.ts'
import { findProgram } from '../sandbox/find-program.ts'
import { refused } from '../sandbox/wall-rules.ts'
import { startInnerHalf, type InnerHalf } from './inner-half.ts'
import { enterSpace } from './space.ts'
import type { WaysOut } from './ways-out.ts'

export interface OutletOptions {
  /** A process in the pods' network, and what goes before a command that shall run there. */
  readonly holderPid: number
  readonly enter: readonly string[]
  /** Of the keeper. */
  readonly entry: string
  readonly waysOut: WaysOut
  readonly clock: Clock
}

export interface Outlet {
  /** Those that programs wait for, each once. What is open already, or too much, is passed over. */
  open(ports: readonly number[]): Promise<void>
}

/** Shells and mail, the web, registries and repositories, databases and queues. */
const usualPorts = [
  21, 22, 25, 43, 80, 110, 143, 389, 443, 465, 587, 636, 873, 993, 995, 1433, 1521, 1883, 2379, 3000, 3128,
  3306, 4222, 4317, 4318, 4443, 5000, 5001, 5432, 5433, 5671, 5672, 5984, 6379, 6380, 6432, 6443, 7687, 8000,
  8080, 8086, 8123, 8200, 8443, 8500, 8529, 8883, 8888, 9000, 9042, 9090, 9092, 9093, 9200, 9300, 9418, 9999,
  10000, 11211, 11434, 18888, 26257, 27017, 27018, 33060,
]
/** Each takes a descriptor, and the kernel a look at each for every new connection. */
const portsMax = 1_024

/**
 * $1: in the pods' network; $2: ip(8); $3: nsenter(1); $4: what shall not even seem to answer; $5: ports. Both ends have addresses of
 * 198.18.0.0/15, which is for measurements and nobody's. Whatever comes for one of the ports has come to where it is found, whatever the
 * address; the rest is dropped without a word. Where the kernel or ip(8) knows no rules for ports, that holds of all of
 * them, and those where nobody listens are refused. An earlier line is taken away; the network behind it goes with the keeper that had it.
 * Ends with its standard input.
 */
const script = `
set -e
pods=$1 ip=$2 nsenter=$3 refused=$4 ports=$5
"$ip" link set lo up
"$nsenter" --target="$pods" --net "$ip" link delete outlet 2>/dev/null || true
"$ip" link add inlet type veth peer name outlet netns "$pods"
"$ip" address add 198.18.0.1/30 dev inlet
"$ip" link set inlet up
"$nsenter" --target="$pods" --net /bin/sh -e -c '
  "$0" address add 198.18.0.2/30 dev outlet
  "$0" link set outlet up
  "$0" route add default via 198.18.0.1
  for range in $1; do "$0" route add unreachable "$range"; done' "$ip" "$refused"
"$ip" rule add pref 10 to 198.18.0.2/32 lookup main
"$ip" rule add pref 11 to 198.18.0.1/32 lookup local
by=ports
{
  for port in $ports; do echo "rule add pref 20 ipproto tcp dport $port lookup local"; done
  echo rule add pref 30 ipproto tcp blackhole
} | "$ip" -batch - >&2 || {
  by=all
  "$ip" rule add pref 20 lookup local
}
"$ip" rule del pref 0
"$ip" route add local default dev lo table local
echo "$$ $by"
exec >&- 2>&-
read -r _ || exit 0`

/** Loopback is each network's own. */
const unreachable = refused.ipv4.filter((range) => !range.startsWith('127.')).join(' ')

/** Throws where a program or the kernel lacks what it takes. */
export async function openOutlet({
  clock,
  enter,
  entry,
  holderPid,
  waysOut,
}: OutletOptions): Promise<Outlet> {
  const [ip, nsenter, unshare] = ['ip', 'nsenter', 'unshare'].map(findProgram)
  if (!ip || !nsenter || !unshare) throw new Error('ip or unshare is missing: install iproute2')
  const words = [String(holderPid), ip, nsenter, unreachable, usualPorts.join(' ')]
  const [program, ...args] = [...enter, unshare, '--net', '--', '/bin/sh', '-c', script, 'sampan']
  const child = spawn(program, [...args, ...words], { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.on('error', () => {}) // it has ended: nothing is written to it
  const [pid = '', by] = (await firstLine(child)).split(' ')
  const within = enterSpace({ nsenter }, Number(pid))
  const lead = async (half: InnerHalf, port: number) => {
    const { server } = await half.listen({ address: '0.0.0.0', port })
    waysOut.leadOn(server)
  }
  const first = startInnerHalf({ enter: within, entry, clock })
  try {
    for (const port of usualPorts) await lead(first, port)
  } finally {
    first.end()
  }
  const opened = new Set(usualPorts)
  let more: InnerHalf | undefined
  const start = () => {
    const half = startInnerHalf({ enter: within, entry, clock })
    void half.ended.then(() => (more = undefined))
    return half
  }
  return {
    async open(ports) {
      const wanted = by === 'ports' ? ports.filter((port) => !opened.has(port)) : []
      for (const port of wanted.slice(0, portsMax - opened.size)) {
        opened.add(port)
        try {
          // Most pods need none, so there is no process for it before.
          await lead((more ??= start()), port)
          const [run, ...rest] = [...within, ip, 'rule', 'add', 'pref', '20', 'ipproto', 'tcp']
          await promisify(execFile)(run, [...rest, 'dport', String(port), 'lookup', 'local'])
        } catch (error) {
          opened.delete(port)
          throw error
        }
      }
    },
  }
}

async function firstLine(child: ChildProcessByStdio<Writable, Readable, null>): Promise<string> {
  const lines = createInterface({ input: child.stdout })
  return await new Promise((resolve, reject) => {
    child.once('error', reject)
    lines.once('line', resolve)
    lines.once('close', () => reject(new Error('the line to it could not be made')))
  })
}
