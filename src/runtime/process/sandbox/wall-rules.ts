/**
 * The wall between sandboxed pods and what a machine serves to itself: rules of its packet filter, as iptables-restore reads
 * them. Pure.
 *
 * Programs are known by a group that each pod has for itself and can't leave, whatever user it runs as. Rules look at what
 * opens a connection (the first packet of TCP; everything else but TCP), so a running connection passes two comparisons, and
 * what pods answer to clients on localhost is left alone. The chain is one agent's own: others have another, for other groups.
 *
 *   OUTPUT ─▶ of a pod, a first packet? ─▶ chain: pods' own addresses, openings: go on ─▶ loopback, link-local: refused
 *          ─▶ from a pod's address, agreeing to a connection, of neither a pod nor root? ─▶ chain: dropped
 *
 * The second is for services that listen on all addresses, hence on those of pods, and trust whoever comes from this machine.
 * Who listens shows in their answer only. Programs of root are passed over: pods without a sandbox are.
 */
export interface Wall {
  /** Of the agent: at most 28 characters. */
  readonly chain: string
  /** Groups of its pods, both ends included. */
  readonly groups: { readonly first: number; readonly last: number }
  /** Where its pods listen: `127.A.B.0/22`. */
  readonly own: string
  readonly openings: readonly Opening[]
}

/** What pods reach on the machine all the same. */
export interface Opening {
  /** IPv4 or IPv6. */
  readonly address: string
  readonly port: number
  readonly protocol: 'tcp' | 'udp'
}

export const families = ['ipv4', 'ipv6'] as const
export type Family = (typeof families)[number]

/**
 * Loopback; link-local, where clouds tell a machine its credentials; and the other addresses at which some do: Alibaba, Azure,
 * Oracle, AWS, Google, Scaleway.
 */
export const refused: Readonly<Record<Family, readonly string[]>> = {
  ipv4: ['127.0.0.0/8', '169.254.0.0/16', '100.100.100.200/32', '168.63.129.16/32', '192.0.0.192/32'],
  ipv6: ['::1/128', 'fe80::/10', 'fd00:ec2::/32', 'fd20:ce::254/128', 'fd00:42::42/128'],
}

/** The transaction that makes the chain as it shall be. `saved` is what iptables-save says now. */
export function raiseRules(wall: Wall, family: Family, saved: string): string {
  const { chain, groups, own, openings } = wall
  const isSix = family === 'ipv6'
  const passing = [
    ...(isSix ? [] : [`-d ${own}`]),
    ...openings
      .filter(({ address }) => address.includes(':') === isSix)
      .map(({ address, port, protocol }) => `-d ${address} -p ${protocol} --dport ${port}`),
  ]
  const ofPods = `--gid-owner ${groups.first}-${groups.last} --suppl-groups -j ${chain}`
  const agreeing = `-s ${own} -p tcp --tcp-flags SYN,ACK SYN,ACK`
  return transaction([
    `:${chain} - [0:0]`, // made, or emptied
    ...(isSix ? [] : [`-A ${chain} ${agreeing} -j DROP`]),
    ...passing.map((match) => `-A ${chain} ${match} -j RETURN`),
    ...refused[family].map((range) => `-A ${chain} -d ${range} -j REJECT`),
    ...removedJumps(chain, saved),
    ...(isSix ? [] : [`-I OUTPUT ${agreeing} -m owner ! --uid-owner 0 -m owner ! ${ofPods}`]),
    `-I OUTPUT -p tcp --syn -m owner ${ofPods}`,
    `-I OUTPUT ! -p tcp -m owner ${ofPods}`,
  ])
}

/** Undefined when there is nothing to remove. */
export function razeRules(chain: string, saved: string): string | undefined {
  if (wallIn(chain, saved) === '') return undefined
  return transaction([`:${chain} - [0:0]`, ...removedJumps(chain, saved), `-X ${chain}`])
}

/** What is said there about the chain. */
export const wallIn = (chain: string, saved: string): string =>
  saved
    .split('\n')
    .filter((line) => line.split(' ').some((word) => word === chain || word === `:${chain}`))
    .join('\n')

const removedJumps = (chain: string, saved: string): readonly string[] =>
  wallIn(chain, saved)
    .split('\n')
    .filter((line) => line.startsWith('-A OUTPUT '))
    .map((line) => line.replace('-A', '-D'))

const transaction = (lines: readonly string[]): string => ['*filter', ...lines, 'COMMIT', ''].join('\n')
