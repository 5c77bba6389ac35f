/** What a runtime's test file gives to `conformance.ts`. */
import type { Handle, Runtime, WorkloadSpec } from './runtime.ts'

/** What a test wants a workload to do; each runtime has its own way to say so. */
export interface Behaviour {
  /** Ends by itself after this long; runs on when absent. */
  readonly exitAfterMs?: number
  readonly code?: number
  /** Text without quotes and backslashes, written with a newline. */
  readonly stdout?: string
  readonly stderr?: string
  /** Writes {"argv","cwd","env"} as a line of JSON to stdout. */
  readonly report?: boolean
  readonly ignoreSigterm?: boolean
  /** Starts a child of its own that ignores SIGTERM, too. */
  readonly grandchild?: boolean
}

/** A machine on which the runtime under test runs. Opened for each test, disposed after it. */
export interface Machine extends AsyncDisposable {
  /** A new instance of the runtime: what an agent has after its restart. */
  open(): Runtime
  /** How to make a workload that behaves so. */
  program(behaviour: Behaviour): Pick<WorkloadSpec, 'argv' | 'node' | 'options'>
  /** A program that cannot be started because there is none. `names` is what the error must mention. */
  missing(): Pick<WorkloadSpec, 'argv' | 'node' | 'options'> & { readonly names: string }
  /** Lets a little time pass, by the clock that the runtime has. */
  pass(): Promise<void>
  /** Starts the workload from another process, and kills that with SIGKILL. Answers without a handle. */
  startAndDie(spec: WorkloadSpec): Promise<void>
  /** Makes the workload vanish without leaving an exit status. */
  lose(handle: Handle): Promise<void>
}
