/** Finds out, once at start, whether bubblewrap can make a sandbox on this machine, by making one. */
import { execFile } from 'node:child_process'
import { lstatSync, mkdtempSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { sandboxCommand, seccompFd, type SandboxTools, type SystemRoot } from './bubblewrap.ts'
import { openEtcFiles } from './etc-files.ts'
import { findProgram } from './find-program.ts'
import { seccompArch, seccompProgram } from './seccomp.ts'

export type SandboxSupport =
  | { readonly usable: true; readonly tools: SandboxTools }
  | { readonly usable: false; readonly reason: string }

/** `etcFolder` is made, to keep copies of the machine's files in it as long as the sandbox is used. */
export async function findSandbox(etcFolder: string): Promise<SandboxSupport> {
  const arch = seccompArch(process.arch)
  if (process.platform !== 'linux' || !arch)
    return { usable: false, reason: `there is no sandbox for ${process.platform} on ${process.arch}` }
  const uid = process.getuid?.() ?? 0
  const user = uid === 0 ? 'root' : { uid, gid: process.getgid?.() ?? uid }
  const [bwrap, setpriv, nsenter, setsid] = ['bwrap', 'setpriv', 'nsenter', 'setsid'].map(findProgram)
  if (!bwrap) return { usable: false, reason: 'bwrap is missing: install bubblewrap' }
  if (!setpriv || !nsenter)
    return { usable: false, reason: 'setpriv or nsenter is missing: install util-linux' }
  const programs = { bwrap, setpriv, nsenter, ...(setsid !== undefined && { setsid }) }
  const system = readSystemRoot(etcFolder)
  const tools: SandboxTools = { user, programs, system, seccomp: seccompProgram(arch) }
  const problem = await tryOut(tools)
  return problem === undefined ? { usable: true, tools } : { usable: false, reason: problem }
}

/** `/` has `bin -> usr/bin` on most systems, folders on others. */
const topNames = ['usr', 'bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32', 'nix']
function readSystemRoot(etcFolder: string): SystemRoot {
  const top = topNames.flatMap((name) => {
    const path = `/${name}`
    const found = lstatSync(path, { throwIfNoEntry: false })
    if (!found) return []
    return [found.isSymbolicLink() ? { path, linkTo: readlinkSync(path) } : { path }]
  })
  const systemFolders = top.flatMap(({ path, linkTo }) => (linkTo === undefined ? [path] : []))
  return { top, etc: openEtcFiles({ folder: etcFolder, systemFolders }) }
}

const tryTimeoutMs = 10_000
const trialIds = 65_534 // nobody, on all systems

async function tryOut(tools: SandboxTools): Promise<string | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'sampan-sandbox-'))
  const file = join(folder, 'seccomp')
  writeFileSync(file, tools.seccomp)
  const command = sandboxCommand({
    sandbox: { binds: [], hostname: 'trial', uid: trialIds, gid: trialIds, lowPorts: false },
    argv: ['/usr/bin/env', 'true'],
    cwd: '/',
    tools,
  })
  try {
    const script = `exec "$@" ${seccompFd}<"$0"`
    await promisify(execFile)('/bin/sh', ['-c', script, file, ...command], { timeout: tryTimeoutMs, env: {} })
    return undefined
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : ''
    return said || `bubblewrap could not be tried: ${String(error)}`
  } finally {
    rmSync(folder, { recursive: true })
  }
}
