/**
 * Conditions of a status: one entry for each type, whose `lastTransitionTime` moves only when its `status` does.
 * Works for every kind's own condition type. Lists are never changed; a call that changes nothing returns the list
 * it was given, so that a status update can be skipped.
 */
import { isEqual } from './equal.ts'

export interface Condition {
  readonly type: string
  /** `True`, `False` or `Unknown`. */
  readonly status: string
  readonly reason?: string
  readonly message?: string
  readonly lastTransitionTime?: string | null
  readonly observedGeneration?: number
}

export const findCondition = <C extends Condition>(
  conditions: readonly C[] | undefined,
  type: string,
): C | undefined => conditions?.find((condition) => condition.type === type)

export const isConditionTrue = (conditions: readonly Condition[] | undefined, type: string): boolean =>
  findCondition(conditions, type)?.status === 'True'

/**
 * Adds `next` or merges it into the condition of its type. A `lastTransitionTime` in `next` is used when the status
 * changes, `nowIso` otherwise; while the status stays, the old time stays.
 */
export const setCondition = <C extends Condition>(
  conditions: readonly C[] | undefined,
  next: C,
  nowIso: string,
): readonly C[] => {
  const list = conditions ?? []
  const index = list.findIndex((condition) => condition.type === next.type)
  const old = list[index]
  const since = next.lastTransitionTime ?? nowIso
  if (old === undefined) return [...list, { ...next, lastTransitionTime: since }]
  const lastTransitionTime = old.status === next.status ? (old.lastTransitionTime ?? since) : since
  const merged = { ...old, ...next, lastTransitionTime }
  return isEqual(old, merged) ? list : list.with(index, merged)
}

export const removeCondition = <C extends Condition>(conditions: readonly C[], type: string): readonly C[] =>
  findCondition(conditions, type) === undefined
    ? conditions
    : conditions.filter((condition) => condition.type !== type)
