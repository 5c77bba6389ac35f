import type { Pod, Taint } from '../api/schema/types.gen.ts'

export const tolerates = (pod: Pod, taint: Taint): boolean =>
  (pod.spec.tolerations ?? []).some(({ key, operator = 'Equal', value = '', effect }) => {
    if (effect && effect !== taint.effect) return false
    if (key && key !== taint.key) return false
    if (operator === 'Exists') return true
    return key !== undefined && value === (taint.value ?? '')
  })
