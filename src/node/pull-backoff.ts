/** When an image that could not be had is tried again: 10 s, doubling up to five minutes, as kubelet does. Pure. */
import { backoffMs } from '../base/backoff.ts'
import type { ContainerStateWaiting } from '../api/schema/types.gen.ts'
import type { PullFault } from './image.ts'

export interface PullFailure {
  readonly message: string
  readonly fault: PullFault
  /** How often it failed in a row, this time included. */
  readonly count: number
  readonly retryAtMs: number
}

const pullBackoff = { baseMs: 10_000, factor: 2, capMs: 300_000 }

export function pullFailed(
  before: PullFailure | undefined,
  { message, fault, nowMs }: { readonly message: string; readonly fault: PullFault; readonly nowMs: number },
): PullFailure {
  const count = (before?.count ?? 0) + 1
  return { message, fault, count, retryAtMs: nowMs + backoffMs(count - 1, pullBackoff) }
}

/** What the container's status says right after the failure, and while it waits for the next try. */
export function pullWaiting(
  failure: PullFailure,
  image: string,
): { readonly first: ContainerStateWaiting; readonly later: ContainerStateWaiting } {
  const { message, fault } = failure
  if (fault === 'never' || fault === 'untrusted') {
    const reason = fault === 'never' ? 'ErrImageNeverPull' : 'UntrustedPackage'
    return { first: { reason, message }, later: { reason, message } }
  }
  if (fault === 'name') {
    const waiting = {
      reason: 'InvalidImageName',
      message: `Failed to apply default image tag "${image}": ${message}`,
    }
    return { first: waiting, later: waiting }
  }
  return {
    first: { reason: 'ErrImagePull', message },
    later: {
      reason: 'ImagePullBackOff',
      message: `Back-off pulling image "${image}": ErrImagePull: ${message}`,
    },
  }
}
