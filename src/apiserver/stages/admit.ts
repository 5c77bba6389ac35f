/**
 * Admission: what the cluster has to say about a write that is well-formed and allowed. An ordered list of steps, each of
 * which may change the object or refuse it. Steps that run webhooks or CEL policies will join the same list.
 */
import type { KubeObject } from '../../api/meta.ts'
import type { ResourceDef } from '../../api/resource.ts'
import { isStoreError } from '../../store/store.ts'
import type { Foundation } from '../foundation.ts'
import type { UserInfo } from '../http.ts'
import type { Access } from './access.ts'

export interface AdmissionMachinery extends Foundation {
  readonly access: Access
}

export interface AdmissionRequest {
  readonly operation: 'create' | 'update' | 'delete'
  readonly def: ResourceDef
  /** For `delete` what is there. A step of `create` and `update` may change it. */
  readonly object: KubeObject
  readonly old: KubeObject | undefined
  readonly subresource: string
  readonly user: UserInfo
  /** A step must leave nothing behind. */
  readonly dryRun: boolean
  readonly machinery: AdmissionMachinery
  /** Called, last added first, when the write doesn't take place after all. */
  readonly undo: (() => Promise<void>)[]
  /** Called once the write is durable. A failure is logged, not answered: the write stands. */
  readonly committed: (() => Promise<void>)[]
}

export interface AdmissionStep {
  readonly name: string
  /** A promise only where there is something to wait for: most steps have nothing to say of most writes. */
  admit(request: AdmissionRequest): void | Promise<void>
}

export interface Admission {
  /** Runs the steps, then `write`, then what the steps left to do in either case. */
  around<T>(request: Omit<AdmissionRequest, 'undo' | 'committed'>, write: () => Promise<T>): Promise<T>
}

export function admissionOf(steps: readonly AdmissionStep[]): Admission {
  return {
    async around(request, write) {
      const full = { ...request, undo: [], committed: [] } satisfies AdmissionRequest
      try {
        for (const step of steps) {
          const admitted = step.admit(full)
          if (admitted) await admitted
        }
        const result = await write()
        if (full.committed.length > 0) await settle(full, full.committed)
        return result
      } catch (error) {
        // When nobody knows whether the write took place, what was reserved for it stays reserved.
        if (!isStoreError(error, 'unavailable')) await settle(full, full.undo.toReversed())
        throw error
      }
    },
  }
}

async function settle(
  { machinery, def }: AdmissionRequest,
  tasks: readonly (() => Promise<void>)[],
): Promise<void> {
  for (const task of tasks) {
    try {
      await task()
    } catch (error) {
      machinery.logger.warn('an admission step could not finish', { resource: def.plural, error })
    }
  }
}
