/**
 * The way into the Node.js processes of a workload: sockets that their preload opens in `STATEDIR/insight`, each named after
 * its pid. `insight.cjs` says what can be asked there. The folder belongs to the program: what lies in it is not to be trusted.
 */
import { chownSync, constants, copyFileSync, existsSync, mkdirSync, watch } from 'node:fs'
import { open, opendir, rm } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { RuntimeError, type Bind, type NodeProcess, type Sandbox } from '../runtime.ts'

const files = ['preload.cjs', 'insight.cjs', 'inspect-worker.cjs']
const folderOf = (stateDir: string): string => join(stateDir, 'insight')

export const insightBind = (stateDir: string): Bind => ({
  source: folderOf(stateDir),
  path: folderOf(stateDir),
  readOnly: false,
})
/** With what a sandboxed program must see of the preload, where it is. */
export const insightBinds = (stateDir: string): readonly Bind[] => [
  insightBind(stateDir),
  ...files.map((file) => join(stateDir, file)).map((path) => ({ source: path, path, readOnly: true })),
]

/** Lays the preload and what belongs to it beside the workload's records, so that an upgrade of Sampan cannot take it away. */
export function installPreload(stateDir: string, sandbox?: Pick<Sandbox, 'uid' | 'gid'>): void {
  const folder = folderOf(stateDir)
  for (const file of files)
    copyFileSync(fileURLToPath(new URL(`./${file}`, import.meta.url)), join(stateDir, file))
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  if (process.getuid?.() === 0 && sandbox?.uid !== undefined)
    chownSync(folder, sandbox.uid, sandbox.gid ?? sandbox.uid)
}

/** What the preload itself makes in the folder is a fraction of it. A program that makes more there, to keep us busy, is asked instead. */
const changesMax = 256

/** See `Runtime.onListening`. The preload makes a file when the program listens. */
export function watchListening(
  stateDir: string,
  ports: readonly number[],
  told: () => void,
): (() => void) | undefined {
  const folder = folderOf(stateDir)
  const names = ports.map((port) => `listening-${port}`)
  let changes = 0
  try {
    const watcher = watch(folder, { persistent: false }, (_, name) => {
      if (++changes >= changesMax) watcher.close()
      if (name === null || !names.includes(name)) return
      watcher.close()
      told()
    })
    watcher.on('error', () => {}) // the folder went away: who waits asks by itself
    if (!names.some((name) => existsSync(join(folder, name)))) return () => watcher.close()
    watcher.close()
    queueMicrotask(told)
    return () => {}
  } catch {
    return undefined // not a Node.js program, or no watches left
  }
}

/** A pod with more of them is asked about the first of them only. */
const processesMax = 64

/** Those that can be asked, the one with the lowest pid first. */
export async function findNodeProcesses(stateDir: string): Promise<readonly NodeProcess[]> {
  const folder = folderOf(stateDir)
  return (await namesIn(folder))
    .flatMap((name) => /^(\d{1,10})\.sock$/.exec(name)?.[1] ?? [])
    .map(Number)
    .toSorted((one, other) => one - other)
    .slice(0, processesMax)
    .map((pid) => ({
      pid,
      connect: () => connectTo(folder, `${pid}.sock`),
      connectInspector: () => connectTo(folder, `${pid}.inspect.sock`),
    }))
}

/** Mostly a few for each process; the program may have put millions there. */
const namesMax = 4_096

async function namesIn(folder: string): Promise<readonly string[]> {
  const names: string[] = []
  const found = await opendir(folder).catch(() => undefined) // a workload that isn't Node.js, or has gone
  for await (const { name } of found ?? []) if (names.push(name) >= namesMax) break
  return names
}

/** From Linux's fcntl.h; Node.js has no name for it. Such a descriptor names a file, of whatever kind, and opens nothing. */
const namesOnly = 0o10000000

/**
 * Throws `RuntimeError('not-found')` when nobody listens there any more. The program could put a link in the socket's place, to
 * lead us to another one: so what is looked at and what is connected to is the same file, held by a descriptor.
 */
async function connectTo(folder: string, name: string): Promise<Socket> {
  const gone = (cause: unknown) =>
    new RuntimeError('not-found', `the process behind ${name} has ended`, { cause })
  const path = join(folder, name)
  const handle = await open(path, namesOnly | constants.O_NOFOLLOW).catch((error: unknown) => {
    throw gone(error)
  })
  try {
    if (!(await handle.stat()).isSocket()) throw gone(new Error(`${name} is no socket`))
    // Short, too, however long the folder's path is: a socket's path has 107 characters at most.
    return await connected(`/proc/self/fd/${handle.fd}`).catch(async (error: unknown) => {
      await rm(path, { force: true })
      throw gone(error)
    })
  } finally {
    await handle.close()
  }
}

function connected(path: string): Promise<Socket> {
  const socket = connect(path)
  return new Promise((resolve, reject) => {
    socket.once('connect', () => {
      socket.off('error', reject)
      resolve(socket)
    })
    socket.once('error', reject)
  })
}
