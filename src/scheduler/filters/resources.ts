import type { Filter } from '../policy.ts'

export const resources: Filter = {
  name: 'NodeResourcesFit',
  admits(pod, { allocatable, requested }, { requestsOf }) {
    const problems: string[] = []
    if ((requested['pods'] ?? 0) + 1 > (allocatable['pods'] ?? 0)) problems.push('Too many pods')
    for (const [name, amount] of Object.entries(requestsOf(pod))) {
      if (amount > 0 && (requested[name] ?? 0) + amount > (allocatable[name] ?? 0))
        problems.push(`Insufficient ${name}`)
    }
    return problems
  },
}
