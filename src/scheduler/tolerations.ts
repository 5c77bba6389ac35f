import type { Pod, Taint } from '../api/schema/types.gen.ts'

/** Whether some toleration of the pod covers the taint. An empty key covers every key, an empty effect every effect. */
export const tolerates = (pod: Pod, taint: Taint): boolean =>
  (pod.spec.tolerations ?? []).some(({ key, operator = 'Equal', value = '', effect }) => {
    if (effect && effect !== taint.effect) return false
    if (key && key !== taint.key) return false
    if (operator === 'Exists') return true
    return operator === 'Equal' && Boolean(key) && value === (taint.value ?? '')
  })
