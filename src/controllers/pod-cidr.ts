/**
 * The cluster's pod addresses: 10.64.0.0/10 in blocks of /22, less what is the Services'. That is 3,072 nodes with 1,022
 * pods each.
 */
const base = 10 * 2 ** 24 + 64 * 2 ** 16
const blockBits = 10
const blockCount = 2 ** (22 - 10)
/** Of Services (apiserver/stages/service-addresses.ts): an address of both would be taken for either. */
const serviceCIDR = '10.96.0.0/12'

/** The lowest block that nobody has any address of; undefined when there is none. Pure. */
export function nextPodCIDR(taken: readonly string[]): string | undefined {
  const used = new Set<number>()
  for (const cidr of [...taken, serviceCIDR]) {
    const { first, size } = rangeOf(cidr)
    const from = Math.max(0, Math.floor((first - base) / 2 ** blockBits))
    const to = Math.min(blockCount - 1, Math.floor((first + size - 1 - base) / 2 ** blockBits))
    for (let block = from; block <= to; block++) used.add(block)
  }
  for (let block = 0; block < blockCount; block++) if (!used.has(block)) return blockAt(block)
  return undefined
}

function rangeOf(cidr: string): { readonly first: number; readonly size: number } {
  const [address = '', bits = '32'] = cidr.split('/')
  const first = address.split('.').reduce((number, byte) => number * 256 + Number(byte), 0)
  const size = 2 ** (32 - Number(bits))
  return { first: first - (first % size), size }
}

function blockAt(block: number): string {
  const address = base + block * 2 ** blockBits
  const bytes = [24, 16, 8, 0].map((shift) => (address >>> shift) & 255)
  return `${bytes.join('.')}/${32 - blockBits}`
}
