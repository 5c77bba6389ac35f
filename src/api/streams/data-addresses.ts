/**
 * Where a node can be reached without a server in between: `HOST:PORT,…`, told along with each connection to one of its pods,
 * and in its annotations for people.
 */
export const dataAddressesHeader = 'sampan-data-addresses'
export const dataAddressesAnnotation = 'sampan.dev/data-addresses'

/** Machines have few; a list from somebody else is not followed without end. */
export const dataAddressesMax = 8

export interface DataAddress {
  /** An IPv6 address without brackets. */
  readonly host: string
  readonly port: number
}

/** What is no address is left out. */
export function parseDataAddresses(text: string): readonly DataAddress[] {
  return text.split(',', dataAddressesMax).flatMap((each) => {
    const [, v6, v4, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(each.trim()) ?? []
    const host = v6 ?? v4
    return host === undefined || Number(port) > 65_535 ? [] : [{ host, port: Number(port) }]
  })
}

export const formatDataAddresses = (addresses: readonly DataAddress[]): string =>
  addresses
    .slice(0, dataAddressesMax)
    .map(({ host, port }) => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`))
    .join(',')
