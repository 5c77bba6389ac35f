/** What a container's record means, and what the next attempt makes of it. Pure. */
import type { ContainerState, ContainerStateWaiting } from '../api/schema/types.gen.ts'
import type { AttemptRecord, ContainerRecord } from './pod-records.ts'
import { raiseBackoff } from './restart-backoff.ts'
import { timeOf } from './times.ts'

/** The attempt that was intended when the agent died: it may have been started, or not. */
export const intendedAttempt = ({ current }: ContainerRecord): AttemptRecord | undefined =>
  current?.handle || current?.exit ? undefined : current

/** The number that the next start goes by: the one that was intended, or a new one. */
export const nextAttempt = (record: ContainerRecord): number =>
  intendedAttempt(record)?.attempt ?? record.attempts + 1

/** What the machine knows an attempt by. */
export const attemptId = (uid: string, name: string, attempt: number): string => `${uid}_${name}_${attempt}`

/** The record of the decision to start: the next attempt, unless one is intended already. */
export function intend(
  record: ContainerRecord,
  {
    uid,
    name,
    now,
    ...image
  }: {
    readonly uid: string
    readonly name: string
    readonly now: Date
    readonly imageID: string
    readonly packages: readonly string[]
  },
): ContainerRecord {
  const { current, previous, backoff } = record
  if (intendedAttempt(record)) return { ...record, ...image }
  const attempt = nextAttempt(record)
  const next = { attempt, id: attemptId(uid, name, attempt), startedAt: timeOf(now) }
  const before = current ?? previous
  return {
    attempts: attempt,
    restartCount: record.restartCount + (current ? 1 : 0),
    ...image,
    current: next,
    ...(before && { previous: before }),
    ...(current && { backoff: raiseBackoff(backoff, now.getTime()) }),
  }
}

export function stateOf(record: ContainerRecord, waiting: ContainerStateWaiting | undefined) {
  const { current, previous } = record
  const terminated = (attempt: AttemptRecord | undefined): ContainerState =>
    attempt?.exit
      ? {
          terminated: {
            exitCode: attempt.exit.code,
            ...(attempt.exit.signal > 0 && { signal: attempt.exit.signal }),
            reason: attempt.exit.reason,
            ...(attempt.exit.message !== undefined && { message: attempt.exit.message }),
            startedAt: timeOf(new Date(attempt.handle?.startedAt ?? attempt.startedAt)),
            finishedAt: timeOf(new Date(attempt.exit.finishedAt)),
            containerID: `${attempt.handle?.runtime ?? 'process'}://${attempt.id}`,
          },
        }
      : {}
  if (current?.exit) {
    if (waiting) return { state: { waiting }, lastState: terminated(current) }
    return { state: terminated(current), lastState: terminated(previous) }
  }
  if (current?.handle)
    return {
      state: { running: { startedAt: timeOf(new Date(current.handle.startedAt)) } },
      lastState: terminated(previous),
    }
  return { state: { waiting: waiting ?? { reason: 'ContainerCreating' } }, lastState: terminated(previous) }
}
