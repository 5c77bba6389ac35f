/**
 * A terminal for a command. Node.js can't make a pseudo-terminal without native code, so script(1) of util-linux does: it runs
 * the command on a new one and copies to and from its own stdin and stdout, which are our pipes. Its window is
 * resized from outside, with stty(1) on the terminal's device, and the kernel tells the command (SIGWINCH).
 */
import { execFile } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'
import type { Clock } from '../../base/clock.ts'

/**
 * `--return` hands the exit code on. `--echo always`: without a terminal of its own script(1) would turn echo off. The
 * command goes through a shell that it replaces at once; its words are quoted.
 */
export const terminalCommand = (argv: readonly string[]): readonly string[] => [
  'script',
  '--quiet',
  '--flush',
  '--return',
  '--echo',
  'always',
  '--command',
  `exec ${argv.map(quoted).join(' ')}`,
  '/dev/null',
]

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`

export interface Terminal {
  resize(size: { readonly columns: number; readonly rows: number }): void
}

const findPollMs = 10
const findRoundsMax = 300 // three seconds: script(1) has made its child long before

/** `pid` is that of script(1). */
export function openTerminal(pid: number, clock: Clock): Terminal {
  let device: Promise<string | undefined> | undefined
  let wanted: { readonly columns: number; readonly rows: number } | undefined
  let isBusy = false
  const apply = async () => {
    isBusy = true
    device ??= findDevice(pid, clock)
    const path = await device
    // The latest size only: a window that is dragged sends dozens.
    while (path !== undefined && wanted) {
      const { columns, rows } = wanted
      wanted = undefined
      await run(['-F', path, 'cols', String(columns), 'rows', String(rows)])
    }
    isBusy = false
  }
  return {
    resize(size) {
      wanted = size
      if (!isBusy) void apply()
    },
  }
}

/** Undefined when the command has ended before it was seen. */
async function findDevice(pid: number, clock: Clock): Promise<string | undefined> {
  for (let round = 0; round < findRoundsMax; round++) {
    try {
      const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
      const path = child ? readlinkSync(`/proc/${child}/fd/0`) : ''
      if (path.startsWith('/dev/pts/')) return path
    } catch {
      return undefined // it has ended
    }
    await clock.sleep(findPollMs)
  }
  return undefined
}

/** A window of the wrong size is no reason to end a session. */
const run = (args: readonly string[]): Promise<void> =>
  new Promise((resolve) => execFile('stty', args, () => resolve()))
