import type { Pod } from '../api/schema/types.gen.ts'
import { milliValueOf, parseQuantity, valueOf } from '../api/quantity.ts'

/** Amounts by resource name: `cpu` in thousandths of a core, everything else in its own unit. */
export type Amounts = Readonly<Record<string, number>>

/** What a pod needs at once: its containers together or its largest init container, whichever is more, and its overhead. */
export function podRequests(pod: Pod): Amounts {
  const total: Record<string, number> = {}
  const sidecars: Record<string, number> = {}
  const peak: Record<string, number> = {}
  for (const container of pod.spec.containers) add(total, amountsOf(container.resources?.requests))
  for (const container of pod.spec.initContainers ?? []) {
    const amounts = amountsOf(container.resources?.requests)
    if (container.restartPolicy === 'Always') add(sidecars, amounts)
    else
      for (const [name, amount] of Object.entries(amounts))
        peak[name] = Math.max(peak[name] ?? 0, amount + (sidecars[name] ?? 0))
  }
  add(total, sidecars)
  for (const [name, amount] of Object.entries(peak)) total[name] = Math.max(total[name] ?? 0, amount)
  add(total, amountsOf(pod.spec.overhead))
  return total
}

export function add(total: Record<string, number>, amounts: Amounts): void {
  for (const [name, amount] of Object.entries(amounts)) total[name] = (total[name] ?? 0) + amount
}

export function amountsOf(quantities: Readonly<Record<string, string>> | undefined): Amounts {
  const amounts: Record<string, number> = {}
  for (const [name, text] of Object.entries(quantities ?? {})) {
    const quantity = parseQuantity(String(text))
    amounts[name] = name === 'cpu' ? milliValueOf(quantity) : valueOf(quantity)
  }
  return amounts
}
