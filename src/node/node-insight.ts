/**
 * Questions to the Node.js processes of containers (`runtime/process/insight.cjs` answers them). A process may be hostile: what it
 * answers is read within bounds of time and size, and believed in nothing but what it says about itself.
 */
import type { Duplex } from 'node:stream'
import { badRequest, failure, serviceUnavailable } from '../api/status.ts'
import { abortReason, type Clock } from '../base/clock.ts'
import { RuntimeError, type Handle, type NodeProcess, type Runtime } from '../runtime/runtime.ts'

export interface InsightContext {
  readonly runtime: Runtime
  readonly clock: Clock
}

export interface ProcessAnswer {
  /** The first line. */
  readonly head: Readonly<Record<string, unknown>>
  readonly socket: Duplex
}

/** Some kilobytes, in practice. */
const headBytesMax = 64 * 1024
/** A process that is busy for longer can't be asked. */
const headWithinMs = 20_000
/** What is opened half a second after a process's start is there by then. */
const findWithinMs = 3_000
const findPollMs = 100

/** The process with this pid, else the one with the lowest. Throws a StatusError. */
export async function nodeProcessOf(
  { clock, runtime }: InsightContext,
  handle: Handle,
  { pid, signal }: { readonly pid: number | undefined; readonly signal: AbortSignal },
): Promise<NodeProcess> {
  if (!runtime.nodeProcesses)
    throw failure('MethodNotAllowed', `the ${runtime.name} runtime can't look into its processes`)
  const deadlineMs = clock.monotonicMs() + findWithinMs
  for (;;) {
    const processes = await runtime.nodeProcesses(handle)
    const found = pid === undefined ? processes[0] : processes.find((each) => each.pid === pid)
    if (found) return found
    if (clock.monotonicMs() >= deadlineMs) throw noProcess(processes, pid)
    await clock.sleep(findPollMs, signal)
  }
}

const noProcess = (processes: readonly NodeProcess[], pid: number | undefined) =>
  pid === undefined
    ? badRequest(
        'no Node.js process of the container can be asked: it runs another program, or none for long enough',
      )
    : badRequest(
        `no Node.js process of the container has the pid ${pid}; there are: ${processes.map((each) => each.pid).join(', ')}`,
      )

/** The answer's head. The socket is the caller's. Throws a StatusError: also when the process refuses. */
export async function askProcess(
  { clock }: Pick<InsightContext, 'clock'>,
  process: NodeProcess,
  question: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<ProcessAnswer> {
  const socket = await process.connect().catch((error: unknown) => {
    if (error instanceof RuntimeError) throw badRequest(error.message, { cause: error })
    throw error
  })
  socket.on('error', () => {}) // 'close' follows
  const abort = () => socket.destroy()
  signal.addEventListener('abort', abort, { once: true })
  socket.once('close', () => signal.removeEventListener('abort', abort))
  const cancel = clock.after(headWithinMs, abort)
  try {
    socket.write(`${JSON.stringify(question)}\n`)
    const head = parseHead(await readLine(socket))
    if (typeof head['error'] === 'string') throw badRequest(head['error'].slice(0, reasonLengthMax))
    return { head, socket }
  } catch (error) {
    socket.destroy()
    throw signal.aborted ? abortReason(signal) : error
  } finally {
    cancel()
  }
}

const reasonLengthMax = 500

function parseHead(line: string): Readonly<Record<string, unknown>> {
  try {
    const head = JSON.parse(line) as unknown
    if (head !== null && typeof head === 'object') return head as Readonly<Record<string, unknown>>
  } catch {
    // Told below.
  }
  throw serviceUnavailable('the process answered with something else than was asked for')
}

/** What follows the line is left in the stream. */
async function readLine(socket: Duplex): Promise<string> {
  const parts: Buffer[] = []
  let size = 0
  for (;;) {
    const chunk = socket.read() as Buffer | null
    if (chunk) {
      const end = chunk.indexOf(10)
      parts.push(end < 0 ? chunk : chunk.subarray(0, end))
      size += chunk.length
      if (end >= 0) {
        if (end + 1 < chunk.length) socket.unshift(chunk.subarray(end + 1))
        return Buffer.concat(parts).toString('utf8')
      }
      if (size > headBytesMax) break
    } else {
      if (socket.readableEnded || socket.destroyed) break
      await readable(socket)
    }
  }
  throw serviceUnavailable('the process did not answer: it is busy, ends, or has ended')
}

const readable = (socket: Duplex): Promise<void> =>
  new Promise((resolve) => {
    const settle = () => {
      for (const event of ['readable', 'end', 'close']) socket.off(event, settle)
      resolve()
    }
    for (const event of ['readable', 'end', 'close']) socket.on(event, settle)
  })

/** Larger files than this are refused half-way: nobody opens them. */
const fileBytesMax = 8 * 1024 ** 3
/** Our processes send 64 KiB at most. */
const frameBytesMax = 1024 * 1024

/** A file that comes in frames. Throws when it ends before it is whole. Destroys the socket in the end. */
export async function* readFrames(socket: Duplex): AsyncGenerator<Uint8Array> {
  let held: Buffer = Buffer.alloc(0)
  let size = 0
  try {
    for await (const chunk of socket) {
      held = held.length === 0 ? (chunk as Buffer) : Buffer.concat([held, chunk as Buffer])
      for (;;) {
        if (held.length < 4) break
        const length = held.readUInt32BE(0)
        if (length === 0) return
        size += length
        if (length > frameBytesMax || size > fileBytesMax) throw new Error('the file is too large')
        if (held.length < 4 + length) {
          size -= length
          break
        }
        yield held.subarray(4, 4 + length)
        held = held.subarray(4 + length)
      }
    }
    throw new Error('the process ended before the file was whole')
  } finally {
    socket.destroy()
  }
}
