/** What the supervisor (`up.ts`) and its processes say to each other over their IPC channel. */
import type { BackupSchedule } from './backup-schedule.ts'
import type { ListenAddress } from './listen-address.ts'

/** Told once, when a process may begin: the modules are loaded by then, so waiting costs no time. */
export interface Begin {
  readonly type: 'begin'
  readonly dataDir: string
  readonly nodeName: string
  readonly listen: ListenAddress
  readonly tlsListen: ListenAddress
  readonly gatewayListen: ListenAddress
  /** Where the node's data port is; unset: there is none. */
  readonly dataListen?: ListenAddress
  readonly store: string
  /** `https://HOST:PORT` under which other machines reach the server; unset: its own TLS address. */
  readonly advertise?: string
  /** Of the cluster's first server. Secret. */
  readonly serverToken?: string
  readonly backups?: BackupSchedule
}

/** What one process is told of it: how the server gets at the cluster's data is nobody else's business. */
export function beginFor(name: string, begin: Begin): Begin {
  if (name === 'server') return begin
  const { backups: _, serverToken: __, ...rest } = begin
  return { ...rest, store: '' }
}

/** `addresses` are those really listened on; a later start of the process keeps them. */
export interface Ready {
  readonly type: 'ready'
  readonly line: string
  readonly listen?: ListenAddress
  readonly tlsListen?: ListenAddress
  readonly gatewayListen?: ListenAddress
}

/** Starting again would not help. */
export interface Fatal {
  readonly type: 'fatal'
  readonly message: string
}

export type FromProcess = Ready | Fatal
