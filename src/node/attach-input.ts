/** `kubectl attach -i`: what the client types, to the stdin of a container that has one. */
import type { Duplex, Writable } from 'node:stream'
import { writeAll } from '../base/byte-streams.ts'
import type { Logger } from '../base/logger.ts'
import { badRequest } from '../api/status.ts'
import { channelOf, createPieceDecoder } from '../api/streams/channels.ts'
import { RuntimeError, type Runtime } from '../runtime/runtime.ts'
import type { ContainerRun } from './container-run.ts'
import type { PodWorker } from './pod-worker.ts'

export interface AttachedInput {
  readonly stdin: Writable
  /** The client has typed its last. */
  readonly end: () => Promise<void>
}

interface Attaching {
  readonly runtime: Runtime
  readonly worker: PodWorker
  readonly container: string
  readonly run: ContainerRun | undefined
}

/** Throws BadRequest when the container has no stdin, or had one for its first client only. */
export async function attachedInput({ container, run, runtime, worker }: Attaching): Promise<AttachedInput> {
  const { spec } = worker.pod
  const wanted = [...spec.containers, ...(spec.initContainers ?? [])].find(({ name }) => name === container)
  const handle = run?.handle
  if (!handle || !runtime.openStdin || wanted?.stdin !== true)
    throw badRequest(
      `container ${JSON.stringify(container)} has no stdin; set stdin: true in its spec, attach without -i, or use kubectl exec -i`,
    )
  try {
    const stdin = await runtime.openStdin(handle)
    return {
      stdin,
      end: async () => {
        if (wanted.stdinOnce === true) await runtime.endStdin?.(handle)
      },
    }
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error
    throw badRequest(
      `cannot attach to the stdin of container ${JSON.stringify(container)}: ${error.message}`,
      {
        cause: error,
      },
    )
  }
}

/** Until the client ends its input or is gone. Other containers' clients may write meanwhile. Never rejects. */
export async function takeAttached(
  stream: Duplex,
  { end, stdin }: AttachedInput,
  logger: Logger,
): Promise<void> {
  // A program that has read enough, or has ended: what comes then goes nowhere.
  stdin.on('error', () => stdin.destroy())
  // A program that never reads must not keep what nobody waits for.
  stream.once('close', () => stdin.destroy())
  try {
    await copyInput(stream, stdin)
  } catch (error) {
    logger.debug('the input of an attached client broke off', { error })
  }
  await closed(stdin)
  await end().catch((error: unknown) => logger.warn('a stdin could not be ended', { error }))
}

async function copyInput(stream: Duplex, stdin: Writable): Promise<void> {
  const decoder = createPieceDecoder()
  let isOpen = true
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    for (const { bytes, channel } of decoder.push(chunk as Uint8Array)) {
      if (channel === channelOf.close && bytes[0] === channelOf.stdin) isOpen = false
      if (channel === channelOf.stdin && isOpen && !stdin.destroyed) await writeAll(stdin, [bytes])
    }
    if (!isOpen) break
  }
  // The client's other pieces (a new size of its window) are for a terminal, which the program doesn't have.
  stream.resume()
}

/** When all of it has been written, or nobody takes it any more. */
const closed = (stdin: Writable): Promise<void> =>
  new Promise((resolve) => {
    stdin.once('close', () => resolve())
    if (stdin.destroyed) resolve()
    else stdin.end()
  })
