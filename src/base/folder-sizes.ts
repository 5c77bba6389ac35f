/**
 * What folders take on the disk, counted by du(1): in a process of its own, so that a folder with a million files costs us
 * neither memory nor time, and with a deadline.
 */
import { execFile } from 'node:child_process'

const answerBytesMax = 4 * 1024 * 1024

/**
 * Bytes by path, for some hundred paths at most. A path that isn't there is missing. A file with several names counts once.
 * Undefined: not within the deadline. Rejects when nothing can be counted at all.
 */
export function folderSizes(
  paths: readonly string[],
  { deadlineMs, signal }: { readonly deadlineMs: number; readonly signal: AbortSignal },
): Promise<ReadonlyMap<string, number> | undefined> {
  if (paths.length === 0) return Promise.resolve(new Map())
  return new Promise((resolve, reject) => {
    const how = { timeout: deadlineMs, killSignal: 'SIGKILL', maxBuffer: answerBytesMax, signal } as const
    // With sums only, so that every line is about a path of ours and none is of a name that somebody else has chosen.
    execFile('du', ['-skx', '--', ...paths], how, (error, stdout) => {
      if (error && typeof error.code === 'string') return reject(error)
      if (error?.killed === true) return resolve(undefined)
      // Otherwise its exit code says that something was not there, or went meanwhile.
      const lines = stdout.split('\n').map((line) => /^(\d+)\t(.*)$/.exec(line))
      resolve(new Map(lines.flatMap((match) => (match ? [[match[2] ?? '', Number(match[1]) * 1024]] : []))))
    })
  })
}
