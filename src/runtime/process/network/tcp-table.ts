/** Who listens and who is connected in a network: the kernel's tables of TCP sockets. */
import { readFileSync } from 'node:fs'

export interface ListeningSocket {
  /** IPv4; undefined: all addresses. Those of IPv6 alone are left out. */
  readonly address: string | undefined
  readonly port: number
  readonly uid: number
}

/** In the network of the process; nobody when that has ended. */
export const readListening = (pid: number | 'self'): readonly ListeningSocket[] =>
  readTables(pid).flatMap(parseTcpTable)

function readTables(pid: number | 'self'): readonly string[] {
  return ['tcp', 'tcp6'].flatMap((name) => {
    try {
      return [readFileSync(`/proc/${pid}/net/${name}`, 'latin1')]
    } catch {
      return [] // it has ended, or the kernel has no IPv6
    }
  })
}

/** See proc_pid_net(5): `sl local remote st tx:rx tr:when retrnsmt uid timeout inode`. */
export function parseTcpTable(table: string): readonly ListeningSocket[] {
  return table.split('\n').flatMap((line) => {
    const [, local = '', , state, , , , uid] = line.trim().split(/\s+/)
    const [host = '', port = ''] = local.split(':')
    const address = state === listening ? addressOf(host) : null
    return address === null ? [] : [{ address, port: Number.parseInt(port, 16), uid: Number(uid) }]
  })
}

/** Of both ends of a connection on this machine each: the user of what holds that end, by `ADDRESS:PORT` of it and of the other. */
export const readTcpUsers = (): ReadonlyMap<string, number> =>
  new Map(readTables('self').flatMap(parseTcpUsers))

export const parseTcpUsers = (table: string): readonly (readonly [string, number])[] =>
  table.split('\n').flatMap((line) => {
    const [, local = '', remote = '', state, , , , uid] = line.trim().split(/\s+/)
    const ends = [local, remote].map(endOf)
    return state !== established || ends.includes(undefined) ? [] : [[ends.join(' '), Number(uid)] as const]
  })

function endOf(text: string): string | undefined {
  const [host = '', port = ''] = text.split(':')
  const address = addressOf(host)
  return address ? `${address}:${Number.parseInt(port, 16)}` : undefined
}

/** Where programs in the network of the process wait to be let in, anywhere but on loopback: of IPv4, each port once. */
export const readAwaited = (pid: number): readonly number[] => [
  ...new Set(readTables(pid).flatMap(parseAwaited)),
]

export const parseAwaited = (table: string): readonly number[] =>
  table.split('\n').flatMap((line) => {
    const [, , remote = '', state] = line.trim().split(/\s+/)
    const [host = '', port = ''] = remote.split(':')
    const address = state === connecting && addressOf(host)
    return address && !address.startsWith('127.') ? [Number.parseInt(port, 16)] : []
  })

const established = '01'
const connecting = '02'
const listening = '0A'

/** Words of four bytes as a little-endian machine keeps them, in hexadecimal; null: of IPv6 alone. */
function addressOf(host: string): string | undefined | null {
  if (/^0+$/.test(host)) return undefined
  const four = host.length === 8 ? host : /^0{16}FFFF0000([\dA-F]{8})$/.exec(host)?.[1]
  if (four === undefined) return null
  return [6, 4, 2, 0].map((at) => Number.parseInt(four.slice(at, at + 2), 16)).join('.')
}
