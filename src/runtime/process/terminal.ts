/**
 * A terminal for a command. Node.js can't make a pseudo-terminal without native code, so script(1) of util-linux does: it runs
 * the command on a new one and copies to and from its own stdin and stdout, which are our pipes. Its window is
 * resized from outside, with stty(1) on the terminal's device, and the kernel tells the command (SIGWINCH).
 */
import { execFile } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'
import type { Clock } from '../../base/clock.ts'
import { RuntimeError } from '../runtime.ts'
import { findProgram } from './sandbox/find-program.ts'

export interface TerminalCommand {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/**
 * `--return` hands the exit code on. `--echo always`: without a terminal of its own script(1) would turn echo off. It runs a
 * line of shell, which puts back the variable that chose the shell, waits a moment for the window's size (clients
 * send it right after the start; what draws on the whole window asks for it once) and becomes the command.
 */
export function terminalCommand(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
): TerminalCommand {
  const { SHELL: shell } = env
  const line = [
    shell === undefined ? 'unset SHELL' : `SHELL=${quoted(shell)}`,
    `for _ in 1 2 3 4 5 6 7 8 9 10; do [ "$(${tool('stty')} size 2>&1)" = '0 0' ] || break; ${tool('sleep')} 0.05; done`,
    `exec ${argv.map(quoted).join(' ')}`,
  ].join('; ')
  const options = ['--quiet', '--flush', '--return', '--echo', 'always', '--command', line]
  return {
    argv: [program('script'), ...options, '/dev/null'],
    env: { TERM: 'xterm', ...env, SHELL: '/bin/sh' },
  }
}

/** Not as the workload's PATH has it: it stands outside of its sandbox. Throws `unsupported`. */
function program(name: string): string {
  const path = findProgram(name)
  if (path !== undefined) return path
  throw new RuntimeError(
    'unsupported',
    `a terminal needs ${name}(1) on the node, which is not there: install it (Debian: bsdutils, coreutils), or leave out -t`,
  )
}

const tool = (name: string): string => quoted(program(name))

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
