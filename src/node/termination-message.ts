/** What a container says about its end: what it has written to `terminationMessagePath`, else its last lines. */
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { isErrno } from './write-file.ts'

export const terminationPathDefault = '/dev/termination-log'
/** Beside the raw output of an attempt; mounted at the path that the container names. */
export const terminationFile = 'termination-log'
/** Upstream's bound (pkg/kubelet/container MaxContainerTerminationMessageLength). */
const bytesMax = 4_096

/** '' when it has written nothing. */
export async function readTerminationMessage(rawDir: string): Promise<string> {
  try {
    await using file = await open(join(rawDir, terminationFile))
    const { buffer, bytesRead } = await file.read(Buffer.alloc(bytesMax), 0, bytesMax, 0)
    return buffer.toString('utf8', 0, bytesRead)
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return '' // it has none
    throw error
  }
}

/**
 * `/dev` takes no overlay, so the usual path has to exist on the machine for a container's own file to be bound over it.
 * Answers why not, where the agent may not make it.
 */
export async function makeTerminationPath(): Promise<string | undefined> {
  try {
    await using _file = await open(terminationPathDefault, 'a', 0o600)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
