/**
 * Where a pod's connections don't go, whatever name leads there: this machine's own loopback, and where clouds tell a machine its
 * credentials. The packet filter of root's agents refuses the same (`sandbox/wall-rules.ts`).
 */
import { BlockList, isIPv6 } from 'node:net'
import { families, refused } from '../sandbox/wall-rules.ts'

/** Connecting to "no address" is connecting to oneself; the rest of 0.0.0.0/8 leads nowhere. */
const unspecified = { ipv4: ['0.0.0.0/8'], ipv6: ['::/128'] } as const

/** Takes what `dns.lookup` answers with: an address as such, not a name. */
export function createRefusal(): (address: string) => boolean {
  const list = new BlockList()
  for (const family of families)
    for (const range of [...refused[family], ...unspecified[family]]) {
      const [network = '', bits] = range.split('/')
      list.addSubnet(network, Number(bits), family)
    }
  return (address) => {
    const [plain = ''] = address.split('%') // without the interface
    const mapped = /^::(?:ffff:)?(\d+\.\d+\.\d+\.\d+)$/i.exec(plain)?.[1]
    if (mapped !== undefined) return list.check(mapped)
    return list.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4')
  }
}
