/**
 * The way out for programs that have no preload: git, curl, drivers of databases in native code. The pods' network has a line to another
 * one, in which every address is its own; there the usual ports listen on all addresses, and whoever comes is led on to the
 * address that it came for. Pods can't make an address of the outside their own, as it would be in their network.
 *
 * Nothing else is reached that way: other ports are refused, and datagrams go nowhere.
 */
import { findProgram } from '../sandbox/find-program.ts'
import { refused } from '../sandbox/wall-rules.ts'
import { startInnerHalf } from './inner-half.ts'
import type { WaysOut } from './ways-out.ts'

export interface OutletOptions {
  /** Goes before a command that shall run in the pods' network. */
  readonly enter: readonly string[]
  readonly holderPid: number
  /** Of the keeper. */
  readonly entry: string
  readonly waysOut: WaysOut
}

/** Shells and mail, the web, registries and repositories, databases and queues. */
const usualPorts = [
  21, 22, 25, 43, 80, 110, 143, 389, 443, 465, 587, 636, 873, 993, 995, 1433, 1521, 1883, 2379, 3000, 3128,
  3306, 4222, 4317, 4318, 4443, 5000, 5001, 5432, 5433, 5671, 5672, 5984, 6379, 6380, 6432, 6443, 7687, 8000,
  8080, 8086, 8123, 8200, 8443, 8500, 8529, 8883, 8888, 9000, 9042, 9090, 9092, 9093, 9200, 9300, 9418, 9999,
  10000, 11211, 11434, 18888, 26257, 27017, 27018, 33060,
]

/**
 * $1: in the pods' network; $2: ip(8); $3: nsenter(1); $4: what shall not even seem to answer; then the interpreter. Both ends have addresses of 198.18.0.0/15, which is for
 * measurements and nobody's. All addresses are found here but that of the other end, which is looked for first. An earlier line
 * is taken away; the network behind it goes with the keeper that had it.
 */
const script = `
set -e
pods=$1 ip=$2 nsenter=$3 refused=$4
shift 4
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
"$ip" rule add pref 20 lookup local
"$ip" rule del pref 0
"$ip" route add local default dev lo table local
exec "$@"`

/** Loopback is each network's own. */
const unreachable = refused.ipv4.filter((range) => !range.startsWith('127.')).join(' ')

/** Throws where a program or the kernel lacks what it takes. */
export async function openOutlet({ enter, entry, holderPid, waysOut }: OutletOptions): Promise<void> {
  const [ip, nsenter, unshare] = ['ip', 'nsenter', 'unshare'].map(findProgram)
  if (!ip || !nsenter || !unshare) throw new Error('ip or unshare is missing: install iproute2')
  const make = [
    unshare,
    '--net',
    '--',
    '/bin/sh',
    '-c',
    script,
    'sampan',
    String(holderPid),
    ip,
    nsenter,
    unreachable,
  ]
  const half = startInnerHalf({ enter: [...enter, ...make], entry })
  try {
    // Whose network stays as long as these sockets are open.
    for (const port of usualPorts) {
      const { server } = await half.listen({ address: '0.0.0.0', port })
      waysOut.leadOn(server)
    }
  } finally {
    half.end()
  }
}
