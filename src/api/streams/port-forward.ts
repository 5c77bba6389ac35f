/**
 * Port-forward as `v4.channel.k8s.io` carries it (client-node, Python): for the i-th port of the request, channel 2i is its
 * data and 2i+1 its errors, and what comes first on each is the port, two bytes, the low one first. kubectl speaks
 * SPDY instead (`spdy31.ts`).
 */
export const portForwardProtocol = 'v4.channel.k8s.io'
export const spdyPortForwardProtocol = 'portforward.k8s.io'
export const tunnelledPortForwardProtocol = 'SPDY/3.1+portforward.k8s.io'

/** Data and error channels share one byte of channel number. */
export const portsMax = 100

/** Of `?ports=80&ports=443` or `?ports=80,443`; undefined when one is no port, or none or too many are named. */
export function parsePorts(query: URLSearchParams): readonly number[] | undefined {
  const ports = query.getAll('ports').flatMap((text) => text.split(',').map(Number))
  return ports.length > 0 && ports.length <= portsMax && ports.every(isPort) ? ports : undefined
}

export const isPort = (port: number): boolean => Number.isInteger(port) && port > 0 && port < 65_536

export const dataChannelOf = (index: number): number => index * 2
export const errorChannelOf = (index: number): number => index * 2 + 1

/** The first message's content on both channels of a port. */
export const portBytes = (port: number): Uint8Array => Uint8Array.of(port & 255, port >> 8)
