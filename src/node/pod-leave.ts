/** The end of a pod on this machine: stop, last status, DELETE, logs put away, folder. Each step can be repeated after a crash. */
import { isConflict, isNotFound } from '../api/status.ts'
import { archiveLogs } from './log-archive.ts'
import { graceMsOf, stopAll } from './pod-stop.ts'
import { publish, type PodState } from './pod-state.ts'
import { removeTree } from './remove-tree.ts'
import { podsRef } from './status-writer.ts'

/** Answers whether nothing is left. When something still runs, the worker is woken at its end. */
export async function leavePod(state: PodState): Promise<boolean> {
  const { pod, isGone } = state.record
  const seconds = pod.metadata.deletionGracePeriodSeconds
  const graceMs = isGone || seconds === undefined ? graceMsOf(state) : seconds * 1000
  const isStopped = stopAll(state, graceMs)
  if (!isGone) publish(state)
  if (!isStopped) return false
  if (!isGone) {
    await state.writer.flush() // what became of the pod is known before it is gone
    await deleteFromServer(state)
  }
  for (const { run } of state.slots.values()) await run[Symbol.asyncDispose]()
  await state.volumes.remove()
  await archiveLogs(state.context, pod, state.paths.logs)
  await removeTree(state.paths.root)
  state.freed.resolve()
  return true
}

/**
 * Takes away what a pod that has ended had written, as upstream does; its logs stay until it is deleted. Answers false while
 * something of it runs. What runs is asked of the system: on a full disk no record of an end can be written before this.
 */
export async function freeDisk(state: PodState): Promise<boolean> {
  const { context, paths, slots, volumes } = state
  if (state.isFreed) return true
  for (const { run, starting } of slots.values()) {
    if (starting) return false
    if (run.handle && (await context.runtime.inspect(run.handle)).phase === 'running') return false
  }
  await volumes.remove()
  for (const folder of [paths.volumes, paths.home, paths.temporary]) await removeTree(folder)
  state.isFreed = true
  state.freed.resolve()
  return true
}

async function deleteFromServer({ context, record, uid }: PodState): Promise<void> {
  const { name = '', namespace = 'default' } = record.pod.metadata
  try {
    await context.client.resource(podsRef).delete(name, { namespace, gracePeriodSeconds: 0, uid })
  } catch (error) {
    // Gone already, or another pod has the name by now.
    if (!isNotFound(error) && !isConflict(error)) throw error
  }
}
