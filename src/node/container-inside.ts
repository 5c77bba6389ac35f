/** Reaching into a running container: for probes, hooks and `exec`. */
import type { Container } from '../api/schema/types.gen.ts'
import type { ExecCommand, Handle } from '../runtime/runtime.ts'
import { isSandboxed } from '../runtime/process/group.ts'
import { findProgram } from '../runtime/process/sandbox/find-program.ts'
import type { ContainerSlot } from './container-slot.ts'
import type { NodeContext } from './context.ts'
import { enterCommand } from './mounts.ts'
import { permittedCommand } from './permission.ts'
import { podIPOf, type PodState } from './pod-state.ts'
import type { ProbeTarget } from './prober.ts'

export function probeTarget(state: PodState, { container }: ContainerSlot, handle: Handle): ProbeTarget {
  const { context, address } = state
  const { runtime, clock } = context
  return {
    container,
    address,
    podIP: podIPOf(state) ?? address,
    handle,
    runtime,
    clock,
    enter: (argv) => enterContainer(context, { container, handle, argv }),
  }
}

interface Entering {
  readonly container: Container
  readonly handle: Handle
  readonly argv: readonly string[]
}

/** Makes a command one that sees the container's volumes. */
async function enterContainer(
  { runtime, mountSupport }: NodeContext,
  { container, handle, argv: wanted }: Entering,
): Promise<ExecCommand> {
  if (isSandboxed(handle)) return { argv: wanted } // its runtime knows the way in
  const argv = await permittedCommand(handle, wanted)
  if ((container.volumeMounts ?? []).length === 0 || !mountSupport.usable) return { argv }
  const found = await runtime.inspect(handle)
  if (found.phase !== 'running') return { argv }
  // The program's own folder may exist among its mounts only: the command goes there once it is inside.
  const { pid } = found
  const nsenter = findProgram('nsenter') ?? 'nsenter'
  const entering = enterCommand(argv, { pid, user: mountSupport.user, nsenter })
  return { argv: entering, cwd: '/', enters: { pid, program: argv[0] ?? '' } }
}

/** A command as it is run inside of a container. */
export interface InsideCommand extends ExecCommand {
  readonly handle: Handle
}

/** Undefined when the container doesn't run. */
export async function commandInside(
  { context, slots }: PodState,
  name: string,
  argv: readonly string[],
): Promise<InsideCommand | undefined> {
  const slot = slots.get(name)
  const handle = slot?.run.handle
  if (!slot || !handle) return undefined
  return { handle, ...(await enterContainer(context, { container: slot.container, handle, argv })) }
}
