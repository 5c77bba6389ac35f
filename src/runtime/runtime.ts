/**
 * The runtime seam: run one workload (a container of a pod, in Kubernetes' words) on this machine. It knows no API
 * objects and no cluster. `process/` runs Node.js programs as ordinary processes, `fake/` is scripted by its spec;
 * `oci/` and `microvm/` follow. Each passes `conformance.ts`.
 *
 * What every runtime promises:
 * - A workload outlives the process that started it; its handle, or `recover`, finds it again.
 * - `start` is crash-safe: before a process exists there is a record on disk and a marker on the process itself, so
 *   that after `kill -9` at any instruction `recover(stateDir)` tells whether it was started, and `orphans()` names
 *   what runs without a persisted handle. However often a start is retried, a workload is started once.
 * - stdout and stderr are append-only files, never pipes.
 * - A workload sees the environment in its spec and nothing of the agent's. A runtime may add variables whose names
 *   begin with SAMPAN_, and, to a Node.js program, its preload to NODE_OPTIONS.
 */

import type { Duplex, Readable, Writable } from 'node:stream'

export interface WorkloadSpec {
  /** Unique on the machine and for all time, file-name safe: `<podUID>_<container>_<attempt>`. */
  readonly id: string
  /** Absolute path of the program and its arguments. Never passed through a shell. */
  readonly argv: readonly string[]
  readonly cwd: string
  /** The whole environment of the workload. */
  readonly env: Readonly<Record<string, string>>
  /** The loopback address (127.x.y.z) that is this pod's own; the process runtime's preload maps listeners to it. */
  readonly address: string
  /** True when the program is Node.js and gets the preload. */
  readonly node: boolean
  /** Files to which stdout and stderr are appended. Created when absent, never truncated. */
  readonly stdoutPath: string
  readonly stderrPath: string
  /** Folder for the runtime's own records of this workload (exit status, pids); made by the caller, private to one id. */
  readonly stateDir: string
  /** The program reads what `openStdin` writes, and waits for more until `endStdin`. Without it its stdin is empty. */
  readonly stdin?: boolean
  /** What bounds it, where the runtime can (`capabilities`). `cpuRequestMillis` weighs it against others. */
  readonly resources?: {
    readonly cpuMillis?: number
    readonly cpuRequestMillis?: number
    readonly memoryBytes?: number
    readonly pidsMax?: number
    /** In a second, on the disk where its stateDir is. */
    readonly io?: IoLimits
  }
  /** Namespaces, a root and a user of its own, fewer system calls. Without it the program is one of the agent's user. */
  readonly sandbox?: Sandbox
  /** Node.js's own permission model around it; where the program is Node.js and has no sandbox. */
  readonly permission?: Permission
  /** Without it nothing but `stop` ends the program. A runtime that can't watch one throws `RuntimeError('unsupported')`. */
  readonly lease?: Lease
  /** Runtime-specific, e.g. the fake's script. */
  readonly options?: Readonly<Record<string, string>>
}

/** What is known of a workload before all of it is. */
export type ExpectedStart = Pick<WorkloadSpec, 'id' | 'stateDir' | 'resources'>

export interface Expectation {
  /** No start follows: takes back what was begun for it. Does nothing once `start` was called. Never rejects. */
  cancel(): Promise<void>
}

export interface IoLimits {
  readonly readBytes?: number
  readonly writeBytes?: number
  readonly readOps?: number
  readonly writeOps?: number
}

/** Until when a workload may run. It is watched without the agent: one that hangs or is dead renews nothing. */
export interface Lease {
  /**
   * Absolute path of a line with the second of the machine's uptime (CLOCK_BOOTTIME, as in /proc/uptime) at which the lease
   * ends. Its owner puts another in its place to renew it. A second after the end no process of the workload is left.
   */
  readonly file: string
  /** The workload gets SIGTERM so many seconds before. */
  readonly warnSeconds: number
}

export interface Bind {
  /** On the machine. */
  readonly source: string
  readonly path: string
  readonly readOnly: boolean
  /** Others may swap `source`, or a folder above it, for a link meanwhile: then nothing is started. It is a path without links. */
  readonly isUnsteady?: boolean
  /** Nobody else has the source: until the program runs, there is in it what the agent put there. */
  readonly isFresh?: boolean
}

export interface Sandbox {
  /** All that it sees of the machine, beside the system's programs and libraries. */
  readonly binds: readonly Bind[]
  readonly hostname: string
  /** Needed when the agent is root; else what the program believes to be. */
  readonly uid?: number
  readonly gid?: number
  /** More groups of its own, where the agent is root. It can't leave them. */
  readonly groups?: readonly number[]
  /** It may listen on ports below 1024, where the agent is root. */
  readonly lowPorts: boolean
}

/** What Node.js's permission model leaves to a program. */
export interface Permission {
  /** The interpreter, and its exact version. */
  readonly program: string
  readonly version: string
  /** Files, and folders with all that is in them. */
  readonly read: readonly string[]
  /** Read, too. */
  readonly write: readonly string[]
  /** Each of them leads around the model. */
  readonly extra: readonly ('addons' | 'child-process' | 'wasi' | 'worker')[]
}

/** Plain JSON that finds a workload again. Persist it as soon as `start` returns. */
export interface Handle {
  readonly id: string
  readonly runtime: string
  readonly stateDir: string
  /** The boot that the pids belong to: after a reboot every handle is `lost`. */
  readonly bootId: string
  /** The tiny parent that outlives the agent and writes the exit status; leader of the workload's process group. */
  readonly pid: number
  /** Clock ticks since boot from /proc/PID/stat: pid + start time is an identity, pid alone is not. */
  readonly startTicks: number
  readonly startedAt: string
}

export interface Exit {
  /** 0..255; 128 + signal number when killed, as a shell says it. */
  readonly code: number
  /** The signal's number, 0 when it exited by itself. */
  readonly signal: number
  /** `LeaseExpired` also for a program that ended well when it was warned: its code is then 143. */
  readonly reason: 'Completed' | 'Error' | 'OOMKilled' | 'LeaseExpired' | 'Lost'
  readonly finishedAt: string
}

export type WorkloadState =
  | { readonly phase: 'running'; readonly pid: number }
  | { readonly phase: 'exited'; readonly exit: Exit }
  | { readonly phase: 'lost' } // gone without an exit status: reboot, or its parent was killed too

export interface Stats {
  readonly cpuSeconds: number
  /** What its end would free. */
  readonly memoryBytes: number
  readonly pids: number
}

/** Is this runtime usable here? If not, which fact is missing, as a sentence for a person. */
export type Probe =
  | { readonly usable: true; readonly version: string }
  | { readonly usable: false; readonly reason: string }

export interface RuntimeCapabilities {
  readonly isolation: 'none' | 'process' | 'container' | 'vm'
  readonly exec: boolean
  readonly memoryLimit: boolean
  readonly cpuLimit: boolean
  readonly pidsLimit: boolean
  readonly ioLimit: boolean
  readonly sandbox: boolean
  readonly permission: boolean
}

/** A command beside a workload. */
export interface ExecCommand {
  readonly argv: readonly string[]
  readonly cwd?: string
  /** `argv` goes to where the process `pid` is before it becomes what was asked for: there `program` is looked for. */
  readonly enters?: { readonly pid: number; readonly program: string }
}

export interface ExecSpec extends ExecCommand {
  readonly timeoutMs: number
}

export interface ExecResult {
  readonly code: number
  /** stdout and stderr together, cut at 10 KiB. */
  readonly output: string
}

export interface ExecStreamSpec extends ExecCommand {
  /** Without it the command reads an empty stdin. */
  readonly stdin: boolean
  /** The command gets a terminal: its stdout and stderr are one, what is typed is echoed. */
  readonly tty: boolean
}

/** A command that runs beside a workload. Whoever opened it reads all its outputs and ends it. */
export interface ExecSession {
  readonly stdin: Writable | undefined
  readonly stdout: Readable
  /** Undefined with a terminal. */
  readonly stderr: Readable | undefined
  /** As in `Exit`. Resolves when the command has ended and nobody holds its outputs any more; never rejects. */
  readonly code: Promise<number>
  /** Without a terminal it does nothing. */
  resize(size: { readonly columns: number; readonly rows: number }): void
  /** Hangs up: SIGHUP to the command and its children, SIGKILL to what then is left. Idempotent. */
  kill(): void
}

/** A Node.js process of a workload that can be asked about itself; `process/insight.cjs` says what and how. It may lie. */
export interface NodeProcess {
  /** As the workload sees it. */
  readonly pid: number
  /** A connection for one question. Throws `RuntimeError('not-found')` when the process has ended. */
  connect(): Promise<Duplex>
  /** Lines of the DevTools protocol, once the process has been asked to be inspected. */
  connectInspector(): Promise<Duplex>
}

export interface Runtime {
  readonly name: string
  readonly capabilities: RuntimeCapabilities
  probe(): Promise<Probe>
  /**
   * `start` follows soon, with the same id, stateDir and resources: what the machine takes a while for may begin. Returns at
   * once and never throws: what goes wrong is told by `start`.
   */
  expectStart?(spec: ExpectedStart): Expectation
  /** Starts the workload and returns once its process exists and its record is on disk. Starting an id twice throws `RuntimeError('exists')`. */
  start(spec: WorkloadSpec): Promise<Handle>
  /**
   * The handle of the workload that was started in `stateDir`, alive or ended; undefined when none ever was. For a
   * start whose outcome is unknown (the starter was killed, or `start` said 'exists').
   */
  recover(stateDir: string): Promise<Handle | undefined>
  /** What became of a workload. Never throws for a valid handle. */
  inspect(handle: Handle): Promise<WorkloadState>
  /** Resolves when the workload has ended (or was `lost`). Rejects with the signal's reason on abort. */
  wait(handle: Handle, signal: AbortSignal): Promise<Exit>
  /**
   * Sends `signal` to the whole process group, then SIGKILL after `graceMs`. Resolves when no process of the workload
   * is left, those that moved to another group included: worth calling after the workload ended by itself, too. Idempotent.
   */
  stop(handle: Handle, how: { readonly signal: string; readonly graceMs: number }): Promise<void>
  stats(handle: Handle): Promise<Stats>
  /**
   * What the workload holds open of files without a name, in bytes on the file system of `folder`: no walk over folders finds
   * them. `Infinity` when that is too much to look at.
   */
  unlinkedBytes?(handle: Handle, folder: string): Promise<number>
  /** Runs a command in the workload's surroundings (environment, cwd, address) and waits for it. */
  exec(handle: Handle, spec: ExecSpec): Promise<ExecResult>
  /**
   * As `exec`, with streams for as long as it takes. Resolves when the command runs. Throws `RuntimeError`: 'not-found' when the
   * workload doesn't run, 'start-failed' when the command can't be started, 'unsupported' when there is no terminal to give.
   */
  execStream?(handle: Handle, spec: ExecStreamSpec): Promise<ExecSession>
  /**
   * The stdin of a workload whose spec has one, for one writer among others; it outlives the writer and the agent. Errors of
   * the stream say that the program has stopped reading. Throws `RuntimeError`: 'unsupported' when there is none or it has
   * ended, 'not-found' when the program doesn't read it.
   */
  openStdin?(handle: Handle): Promise<Writable>
  /** The program comes to the end of its stdin once it has read what was written. Idempotent. */
  endStdin?(handle: Handle): Promise<void>
  /** Those that can be asked by now: a process can be half a second after its start. The first has the lowest pid. */
  nodeProcesses?(handle: Handle): Promise<readonly NodeProcess[]>
  /**
   * Calls `told` once, soon after a Node.js program of the workload says that it listens on one of the ports: also when it has said so
   * before, or says what isn't true. Returns what ends the waiting; undefined when no program of it will say anything.
   */
  onListening?(handle: Handle, ports: readonly number[], told: () => void): (() => void) | undefined
  /** Handles of live workloads whose stateDir lies under `root`, known from their markers: after a crash, those not in the agent's records are adopted or stopped. */
  orphans(root: string): Promise<readonly Handle[]>
}

export type RuntimeErrorCode = 'exists' | 'not-found' | 'start-failed' | 'unsupported'

export class RuntimeError extends Error {
  override readonly name = 'RuntimeError'
  readonly code: RuntimeErrorCode
  constructor(code: RuntimeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
