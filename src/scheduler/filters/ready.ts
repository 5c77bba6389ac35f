import { isConditionTrue } from '../../api/conditions.ts'
import type { Filter } from '../policy.ts'

/** A node that has not said it is ready gets nothing, also in the moment before its taint arrives. */
export const ready: Filter = {
  name: 'NodeReady',
  admits: (_pod, { node }) =>
    isConditionTrue(node.status?.conditions, 'Ready') ? [] : ['node(s) were not ready'],
}
