/**
 * A Linux kernel of its own as a process of this user (Debian's `user-mode-linux`): it needs neither KVM nor root, sees this
 * machine's files read-only, has a new disk at /tmp and no network. For what this machine's kernel does otherwise.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { sendSignal } from '../../src/base/send-signal.ts'
import { root } from './cluster.ts'

export interface UserModeLinux {
  /** A shell script that root runs in it, in the project's folder; its argument is the interpreter. */
  readonly script: string
  /** What makes it a system and runs the script; by default `user-mode-init.sh`. Gets the project's folder, the interpreter, the script and `files`. */
  readonly init?: string
  /** A folder of this machine. */
  readonly files?: string
  /** Of the caller, made when it isn't there: the machine is shut down by its script, and may be started again. */
  readonly disk?: string
  /** Of the kernel. */
  readonly settings: readonly string[]
  readonly memoryMiB: number
  /** Ends it, wherever it is. */
  readonly signal: AbortSignal
}

const plainInit = join(root, 'tests', 'support', 'user-mode-init.sh')
/** What is kept of its output, for the error when it fails. */
const tailLinesMax = 60
const diskBytes = 512 * 1024 * 1024 // a file with holes

/** The lines that the script prints, as they come. Throws when the script ends otherwise than with 0, or not at all. */
export async function* runInUserModeLinux(guest: UserModeLinux): AsyncIterable<string> {
  const folder = mkdtempSync(join(tmpdir(), 'sampan-uml-'))
  const files = [
    'root=/dev/root',
    'rootfstype=hostfs',
    'rootflags=/',
    'ro',
    `init=${guest.init ?? plainInit}`,
  ]
  const disk = makeDisk(guest.disk ?? join(folder, 'disk'))
  const output = ['loglevel=1', 'con=null', 'con0=null,fd:1']
  const machine = [`mem=${guest.memoryMiB}M`, `uml_dir=${folder}/`, `ubd0=${disk}`]
  const kernel = [...machine, ...files, ...output, ...guest.settings]
  const argv = [...kernel, '--', root, process.execPath, guest.script, guest.files ?? '']
  // A group of its own: its helpers outlive its first process otherwise.
  const child = spawn('linux.uml', argv, { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  const ended = once(child, 'exit')
  const end = () => child.pid !== undefined && sendSignal(-child.pid, 'SIGKILL')
  guest.signal.addEventListener('abort', end)
  const tail: string[] = []
  let code: string | undefined
  const keep = (said: string) => {
    tail.push(said)
    tail.splice(0, tail.length - tailLinesMax)
  }
  try {
    child.stderr.on('data', (chunk: Buffer) => keep(chunk.toString()))
    for await (const line of createInterface({ input: child.stdout })) {
      const ending = /^script ended with (\d+)$/.exec(line)?.[1]
      code ??= ending
      if (ending !== undefined && guest.disk === undefined) break
      keep(line)
      yield line
    }
    if (code === '0') return
    throw new Error(`the script in user-mode Linux failed or did not end:\n${tail.join('\n')}`)
  } finally {
    guest.signal.removeEventListener('abort', end)
    end()
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
}

function makeDisk(file: string): string {
  if (existsSync(file)) return file
  writeFileSync(file, '')
  truncateSync(file, diskBytes)
  const { status, stderr } = spawnSync('mkfs.ext4', ['-q', file], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`mkfs.ext4 failed with ${status}: ${stderr}`)
  return file
}
