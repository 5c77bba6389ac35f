import { CommandError } from './command-error.ts'

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/** Reads `HOST:PORT`, `[::1]:PORT` or `PORT` (then on loopback). Port 0 takes a free one. Throws `CommandError`. */
export function parseListen(text: string, flag: string): ListenAddress {
  const match = /^(?:(?:\[([0-9a-fA-F:.]+)\]|([^:]*)):)?(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (!match || port > 65_535) {
    throw new CommandError(
      `${flag} ${JSON.stringify(text)} is no address: write HOST:PORT, for example 127.0.0.1:8888`,
    )
  }
  return { host: match[1] ?? (match[2] || '127.0.0.1'), port }
}

/** Reads the URL under which a server is reached from elsewhere. Throws `CommandError`. */
export function parseServerUrl(text: string, flag: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'https:' && url.pathname === '/' && url.search === '' && url.username === '')
    return url.origin
  throw new CommandError(
    `${flag} ${JSON.stringify(text)} does not say where a server is: write https://HOST:PORT, for example https://10.0.0.1:18888`,
  )
}

export const formatListen = ({ host, port }: ListenAddress): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`

/** A failed `listen` in the words of the flag that chose the address. */
export function listenError(error: unknown, address: ListenAddress, flag: string): Error {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const where = formatListen(address)
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: 'another program listens there',
    EACCES: 'this user may not listen there',
    EADDRNOTAVAIL: 'this machine has no such address',
    ENOTFOUND: 'the host name is unknown',
  }
  const why = typeof code === 'string' ? reasons[code] : undefined
  if (!why) return error instanceof Error ? error : new Error(String(error))
  return new CommandError(`can't listen on ${where}: ${why}. Choose another address with ${flag} HOST:PORT`, {
    cause: error,
  })
}
