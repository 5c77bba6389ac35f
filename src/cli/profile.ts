/** `sampan profile POD`: a file for Chrome's DevTools, made by a process of the pod. */
import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import type { Clock } from '../base/clock.ts'
import type { Kubeconfig } from '../client/kubeconfig.ts'
import { httpTransport } from '../client/transport-http.ts'
import { podPath, podRefusal, textOf, type PodPlace } from './server-connection.ts'

export interface ProfileOptions {
  readonly server: Kubeconfig
  readonly place: PodPlace
  readonly what: { readonly kind: 'cpu'; readonly seconds: number } | { readonly kind: 'heap' }
  /** Default: POD-TIME with the ending that DevTools look for, in this folder. */
  readonly file?: string
  readonly clock: Clock
  readonly print: (line: string) => void
  readonly signal: AbortSignal
}

/** Answers the file's name. The file appears when it is whole. */
export async function profile({
  clock,
  file,
  place,
  print,
  server,
  signal,
  what,
}: ProfileOptions): Promise<string> {
  const seconds = what.kind === 'cpu' ? { seconds: String(what.seconds) } : {}
  const path = podPath(place, server, 'profile', { kind: what.kind, ...seconds })
  const target =
    file ?? `${place.pod}-${timeOf(clock)}.${what.kind === 'cpu' ? 'cpuprofile' : 'heapsnapshot'}`
  await using transport = httpTransport(server)
  if (what.kind === 'cpu') print(`profiling ${place.pod} for ${what.seconds} s`)
  const response = await transport.send({ method: 'POST', path, headers: {}, signal })
  if (response.status !== 200)
    throw podRefusal({ body: await textOf(response), status: response.status }, place, server)
  const partial = `${target}.partial`
  try {
    await pipeline(response.body, createWriteStream(partial, { mode: 0o600 }))
    await rename(partial, target)
  } catch (error) {
    await rm(partial, { force: true })
    throw error
  }
  return target
}

/** As it may stand in a file's name everywhere: 20260102T030405. */
const timeOf = (clock: Clock): string => clock.now().toISOString().slice(0, 19).replace(/[:-]/g, '')
