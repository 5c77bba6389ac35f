import { appendFileSync, renameSync, statSync } from 'node:fs'

const sizeBytesMax = 10 * 1024 * 1024
const keptMax = 3

/** Appends lines to a file that is rotated by size, so that a log takes at most 40 MiB. Never throws: a full disk loses log lines, nothing else. */
export function openLogFile(path: string): (line: string) => void {
  let sizeBytes = sizeOf(path)
  return (line) => {
    try {
      if (sizeBytes > sizeBytesMax) {
        rotate(path)
        sizeBytes = 0
      }
      appendFileSync(path, `${line}\n`, { mode: 0o600 })
      sizeBytes += Buffer.byteLength(line) + 1
    } catch {
      // There is nowhere left to say it: the disk is full or the folder is gone.
    }
  }
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size
  } catch {
    return 0 // not there yet
  }
}

function rotate(path: string): void {
  for (let i = keptMax; i > 0; i--) {
    const from = i === 1 ? path : `${path}.${i - 1}`
    if (sizeOf(from) > 0) renameSync(from, `${path}.${i}`)
  }
}
