import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs'
import type { Clock } from '../../base/clock.ts'
import { sendSignal } from '../../base/send-signal.ts'
import { RuntimeError, type Sandbox, type WorkloadSpec } from '../runtime.ts'
import { environmentOf } from './environment.ts'
import { clearGroupScript, fenceScript, installFence } from './fence.ts'
import { insightBinds, installPreload } from './insight.ts'
import { recordFile } from './record-files.ts'
import { reserveExit } from './records.ts'
import { sandboxCommand, type SandboxTools } from './sandbox/bubblewrap.ts'
import { holdBinds } from './sandbox/held-binds.ts'
import { makeStdin } from './stdin.ts'

/**
 * The tiny parent: a shell that leads the workload's process group, outlives the agent, and writes the exit status.
 * It is passed as an argument, not as a file, because an upgrade may replace files under a running shell.
 *
 * - It creates `pid` exclusively (set -C) and goes on only if it was the creator: a second parent for the same id, of
 *   an agent that retries after a crash, ends here. Nothing the agent does or dies of can start the program twice. `true`,
 *   because a refused redirection of `:`, as of every special builtin, would end the shell before it says so.
 * - The signals that go to the group reach the shell too; a trap that does nothing makes it survive them. An ignored
 *   signal would be inherited by the program, a trapped one is not. For the same reason the program runs in the
 *   foreground: a shell makes background programs ignore SIGINT and SIGQUIT.
 * - Descriptors: 1 and 4 are the program's stdout and stderr (2 would take the shell's own remarks, such as "Killed"), 3
 *   tells the agent how the start went. The agent may be dead by then, so SIGPIPE is ignored around that one write.
 * - Variables of the shell would overwrite exported ones of the workload, so there is only one, with a name of our own.
 * - A program with a stdin reads it from a named pipe. A shell of its own, the holder, keeps that open for writing until it is
 *   told to end (`stdin.ts`); the two wait for each other at opening it. The pipe for the telling it opens for both, so
 *   that a line which comes early is not lost.
 * - The program's shell enters its control group, where it has one, before it becomes the program (0 is who writes; by which list,
 *   `cgroup-entry.ts` says). The parent stays outside: neither want of memory nor the end of the group takes it.
 * - Where there is a filter of system calls, the program is a bubblewrap that reads it from descriptor 9, and which signals
 *   to the group must not end before its program (`sandbox/bubblewrap.ts`).
 * - When the program has ended, its group is killed, as a container ends with its first process.
 * - A program with a lease has a fence beside it (`fence.ts`), and a control group that is cleared without an agent, too.
 * - Only builtins: PATH is the workload's, and the disk may be full. The status is one write into a file that has its room
 *   since the start, and counts only with its newline, hence is never seen half.
 */
const parentScript = `
trap : 1 2 3 4 5 6 7 8 10 11 12 13 14 15 16 20 21 22 24 25 26 27 29 30 31
set -C
true >"$SAMPAN_STATE_DIR/pid" || { echo taken >&3; exit 75; }
read -r _sampan_stat </proc/self/stat
echo "$_sampan_stat" >>"$SAMPAN_STATE_DIR/pid" || { echo full >&3; exit 75; }
set +C
if [ -p "$SAMPAN_STATE_DIR/stdin" ]; then
  (
    read -r _sampan_stat </proc/self/stat
    echo "$_sampan_stat" >"$SAMPAN_STATE_DIR/holder"
    exec 1>/dev/null 3>&- 4>&- 6<>"$SAMPAN_STATE_DIR/stdin-end" 5>"$SAMPAN_STATE_DIR/stdin"
    read -r _sampan_stat <&6
  ) &
fi
${clearGroupScript}${fenceScript}
(
  [ ! -p "$SAMPAN_STATE_DIR/stdin" ] || exec <"$SAMPAN_STATE_DIR/stdin"
  if [ -f "$SAMPAN_STATE_DIR/cgroups" ]; then
    while read -r _sampan_stat; do
      [ -f "$_sampan_stat/tasks" ] && _sampan_stat=$_sampan_stat/tasks || _sampan_stat=$_sampan_stat/cgroup.procs
      echo 0 >"$_sampan_stat" || { trap '' 13; echo unbound >&3; exit 75; }
    done <"$SAMPAN_STATE_DIR/cgroups"
  fi
  if [ -f "$SAMPAN_STATE_DIR/seccomp" ]; then
    exec 9<"$SAMPAN_STATE_DIR/seccomp"
    trap '' 1 2 3 6 10 12 14 15 24 25 26 27 28 29
  fi
  read -r _sampan_stat </proc/self/stat
  echo "$_sampan_stat" >"$SAMPAN_STATE_DIR/child"
  trap '' 13; echo started >&3; [ -f "$SAMPAN_STATE_DIR/seccomp" ] || trap - 13
  unset SAMPAN_STATE_DIR
  exec "$@" 2>&4 3>&- 4>&-
)
echo "$?" 1<>"$SAMPAN_STATE_DIR/exit"
[ ! -f "$SAMPAN_STATE_DIR/lease" ] || _sampan_clear
kill -s KILL -- "-$$"
`

const startMsMax = 30_000 // a shell that has not run its first lines by then never will: the machine is stuck

/**
 * Makes what the parent and the program find in the stateDir. At once but for the pipes and the first pod's network: a dozen small steps, which would take
 * longer to hand over to other threads than to do.
 */
export async function prepareFiles(spec: WorkloadSpec, tools: SandboxTools | undefined): Promise<void> {
  const { node, sandbox, stateDir, stdin } = spec
  reserveExit(stateDir)
  installFence(spec)
  if (node) installPreload(stateDir, sandbox)
  if (sandbox && tools) {
    await tools.network?.ready()
    tools.system.etc.refresh(tools.network?.door()?.nameServer)
    writeFileSync(recordFile(stateDir, 'seccomp'), tools.seccomp)
  }
  if (stdin) await makeStdin(stateDir)
}

/** Spawns the parent and resolves when the program is about to run; after `prepareFiles`. Throws `RuntimeError`. */
export async function spawnParent(
  spec: WorkloadSpec,
  clock: Clock,
  tools: SandboxTools | undefined,
): Promise<void> {
  const preloadPath = recordFile(spec.stateDir, 'preload.cjs')
  const child = withOutputFiles(spec, (files) => spawnShell(spec, { preloadPath, tools }, files))
  child.unref()
  await startOutcome(child, spec, clock)
}

/** The child has descriptors of its own as soon as it is spawned. */
function withOutputFiles<T>(spec: WorkloadSpec, use: (files: OutputFiles) => T): T {
  const stdout = openSync(spec.stdoutPath, 'a', 0o640)
  try {
    const stderr = openSync(spec.stderrPath, 'a', 0o640)
    try {
      return use({ stdout, stderr })
    } finally {
      closeSync(stderr)
    }
  } finally {
    closeSync(stdout)
  }
}

interface Preparation {
  readonly preloadPath: string
  readonly tools: SandboxTools | undefined
}

interface OutputFiles {
  readonly stdout: number
  readonly stderr: number
}

function spawnShell(
  spec: WorkloadSpec,
  { preloadPath, tools }: Preparation,
  files: OutputFiles,
): ChildProcess {
  const environment = environmentOf(spec, preloadPath)
  const program: readonly [string, ...string[]] = [...environment.command, ...spec.argv]
  const { sandbox, cwd } = spec
  const door = sandbox && tools?.network?.door()
  const made = sandbox && tools ? insideOf(spec, sandbox, tools, program) : program
  const command = door ? [...door.enter, ...made] : made
  const args = ['-c', parentScript, 'sampan', ...command]
  try {
    return spawn('/bin/sh', args, {
      cwd: sandbox ? spec.stateDir : cwd, // inside there may be folders that are not outside
      env: { ...environment.parent, ...(door && door.env) },
      detached: true, // a session and a process group of its own
      stdio: ['ignore', files.stdout, 'ignore', 'pipe', files.stderr],
    })
  } catch (e) {
    // Most refusals are events; those that Node.js knows to be final, E2BIG among them, are thrown.
    throw startFailed(spec, describeSpawnError(e), e)
  }
}

function insideOf(
  { cwd, node, stateDir }: WorkloadSpec,
  sandbox: Sandbox,
  tools: SandboxTools,
  argv: readonly [string, ...string[]],
): readonly string[] {
  const wanted = node ? [...sandbox.binds, ...insightBinds(stateDir)] : sandbox.binds
  const { binds, command } = holdBinds(wanted, stateDir, tools.user)
  return [...command, ...sandboxCommand({ sandbox: { ...sandbox, binds }, argv, cwd, tools })]
}

const startFailed = (spec: WorkloadSpec, why: string, cause?: unknown): RuntimeError =>
  new RuntimeError('start-failed', `cannot start ${spec.argv[0]}: ${why}`, { cause })

async function startOutcome(child: ChildProcess, spec: WorkloadSpec, clock: Clock): Promise<void> {
  const report = child.stdio[3]
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const fail = (why: string, cause?: Error) => reject(startFailed(spec, why, cause))
  const cancelTimer = clock.after(startMsMax, () => {
    if (child.pid !== undefined) sendSignal(-child.pid, 'SIGKILL')
    fail(`its parent shell did not report within ${startMsMax / 1000} s; the machine may be overloaded`)
  })
  let said = ''
  report?.on('data', (chunk: Buffer) => {
    said += chunk.toString()
    if (said.startsWith('started\n')) resolve()
    if (said.startsWith('taken\n')) {
      reject(new RuntimeError('exists', `workload ${spec.id} was already started; find it with recover`))
    }
    if (said.startsWith('unbound\n')) fail('it could not enter its control group; was that removed?')
    if (said.startsWith('full\n')) {
      rmSync(recordFile(spec.stateDir, 'pid'), { force: true }) // its creator has ended: another start may follow
      fail(`its record could not be written to ${spec.stateDir}; is the disk full?`)
    }
  })
  report?.on('error', (e: Error) => fail('the report of its parent shell was lost', e))
  report?.on('end', () =>
    fail(
      'its parent shell ended early; is the state folder writable and the disk not full? ' + spec.stateDir,
    ),
  )
  child.on('error', (e) => fail(describeSpawnError(e), e))
  try {
    await promise
  } finally {
    cancelTimer()
    report?.destroy()
  }
}

function describeSpawnError(e: unknown): string {
  const code = e instanceof Error && 'code' in e ? e.code : undefined
  if (code === 'E2BIG') return 'its arguments and environment are larger than the kernel allows (E2BIG)'
  if (code === 'EAGAIN') return 'the user has too many processes (EAGAIN); raise ulimit -u or stop some'
  return `the system refused to make a process (${String(code ?? e)})`
}
