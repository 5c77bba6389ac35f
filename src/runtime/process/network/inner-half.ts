/** The way to the half of the keeper that is in the pods' network (`inside.ts`). */
import { fork, type SendHandle } from 'node:child_process'
import type { Socket as Datagrams } from 'node:dgram'
import type { Server } from 'node:net'
import type { Clock } from '../../../base/clock.ts'
import type { Done, Order, Place } from './inside.ts'

export interface InnerHalf {
  readonly pid: number
  /** A socket that listens in the pods' network; port 0 is a free one. */
  listen(place: Place): Promise<{ readonly server: Server; readonly port: number }>
  /** The same for datagrams. */
  bind(place: Place): Promise<Datagrams>
  /** Gives a socket away: a listening one with `lead`, a connection with `join`. Resolves when it is given. */
  give(what: 'lead' | 'join', place: Place, handle: SendHandle): Promise<void>
  leave(place: Place): void
  /** What it has made and given stays. */
  end(): void
  /** When it has ended, which it does by itself only when it is killed. */
  readonly ended: Promise<void>
}

interface Starting {
  /** Goes before the interpreter, and puts it into a network. */
  readonly enter: readonly string[]
  /** The entry of both halves. */
  readonly entry: string
  readonly clock: Pick<Clock, 'after'>
}

/** A busy machine takes seconds to start one. Who needs longer is stopped, or hangs, and is ended. */
const answerMsMax = 60_000

export function startInnerHalf({ clock, enter, entry }: Starting): InnerHalf {
  const [command = '', ...options] = enter
  const child = fork(entry, ['inside'], {
    // What shall run there is the interpreter with what it would have been run with anyway.
    execPath: command,
    execArgv: [...options, process.execPath, ...process.execArgv],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  let count = 0
  const waiting = new Map<number, (done: Done, handle?: unknown) => void>()
  child.on('message', (done: Done, handle: unknown) => waiting.get(done.id)?.(done, handle))
  const ended = new Promise<void>((resolve) => {
    child.once('error', () => resolve())
    child.once('exit', () => resolve())
  }).then(() => {
    for (const [id, settle] of waiting) settle({ id, error: 'who was asked has ended' })
  })
  const send = (order: Order, handle?: SendHandle) =>
    new Promise<void>((resolve, reject) =>
      child.send(order, handle, {}, (error) => (error ? reject(error) : resolve())),
    )
  const ask = async <T>(
    what: 'listen' | 'bind',
    place: Place,
    take: (handle: unknown, port: number) => T,
  ) => {
    const id = ++count
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    waiting.set(id, ({ error, port = 0 }, handle) => {
      if (error === undefined) resolve(take(handle, port))
      else reject(new Error(error))
    })
    const cancel = clock.after(answerMsMax, () => child.kill('SIGKILL'))
    try {
      // Refused when it has ended.
      await send({ do: what, id, ...place })
      return await promise
    } finally {
      cancel()
      waiting.delete(id)
    }
  }
  return {
    pid: child.pid ?? 0,
    listen: (place) => ask('listen', place, (handle, port) => ({ server: handle as Server, port })),
    bind: (place) => ask('bind', place, (handle) => handle as Datagrams),
    give: (what, place, handle) => send({ do: what, ...place }, handle),
    leave: (place) => void send({ do: 'leave', ...place }).catch(() => {}), // it has ended, and its listeners with it
    end: () => child.disconnect(),
    ended,
  }
}
