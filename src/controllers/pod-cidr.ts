/** The cluster's pod addresses: 10.64.0.0/10 in blocks of /22, which is 4,096 nodes with 1,022 pods each. */
const base = (10 << 24) | (64 << 16)
const blockBits = 10
const blockCount = 2 ** (22 - 10)

/** The lowest block that is not taken; undefined when all are. Pure. */
export function nextPodCIDR(taken: readonly string[]): string | undefined {
  const used = new Set(taken)
  for (let i = 0; i < blockCount; i++) {
    const cidr = blockAt(i)
    if (!used.has(cidr)) return cidr
  }
  return undefined
}

function blockAt(index: number): string {
  const address = base + index * 2 ** blockBits
  const bytes = [24, 16, 8, 0].map((shift) => (address >>> shift) & 255)
  return `${bytes.join('.')}/${32 - blockBits}`
}
