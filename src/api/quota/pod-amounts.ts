/** What a pod asks for and may use at most, all its containers together (component-helpers resource/helpers.go eed236c). */
import {
  addQuantities,
  compareQuantities,
  parseQuantity,
  quantityProblem,
  type Quantity,
} from '../quantity.ts'
import type { Container, Pod } from '../schema/types.gen.ts'

export type Amounts = Record<string, Quantity>
type Texts = Readonly<Record<string, string>> | undefined

/** What is no quantity, or of no resource that there could be, counts as nothing: validation refuses the object anyway. */
export const amountsFrom = (texts: Texts): Amounts =>
  Object.fromEntries(
    Object.entries(texts ?? {}).flatMap(([name, text]) =>
      // `constructor`: every object of JavaScript has one, and nobody an amount of it.
      quantityProblem(String(text)) === undefined && !(name in Object.prototype)
        ? [[name, parseQuantity(String(text))]]
        : [],
    ),
  )

/** Before validation a pod may lack what it must have. */
export const containersOf = ({ containers, initContainers }: Pod['spec']) => ({
  main: containers ?? [],
  init: initContainers ?? [],
})

/** Containers run together, init containers one after the other beside the sidecars that have started by then. */
export function podAmounts({ spec }: Pick<Pod, 'spec'>, which: 'requests' | 'limits'): Amounts {
  const of = ({ resources }: Container) => amountsFrom(resources?.[which])
  const together: Amounts = {}
  const { init, main } = containersOf(spec)
  for (const container of main) addTo(together, of(container))
  const sidecars: Amounts = {}
  const peak: Amounts = {}
  for (const container of init) {
    const own = of(container)
    if (container.restartPolicy === 'Always') {
      addTo(sidecars, own)
      raiseTo(peak, sidecars)
    } else raiseTo(peak, addTo({ ...sidecars }, own))
  }
  addTo(together, sidecars)
  raiseTo(together, peak)
  const overhead = amountsFrom(spec.overhead)
  // A limit that nobody set is not made by an overhead.
  for (const [name, amount] of Object.entries(overhead))
    if (which === 'requests' || together[name]) addTo(together, { [name]: amount })
  return together
}

export function addTo(total: Amounts, amounts: Amounts): Amounts {
  for (const [name, amount] of Object.entries(amounts)) {
    const present = total[name]
    total[name] = present ? addQuantities(present, amount) : amount
  }
  return total
}

function raiseTo(total: Amounts, amounts: Amounts): void {
  for (const [name, amount] of Object.entries(amounts)) {
    const present = total[name]
    if (!present || compareQuantities(amount, present) > 0) total[name] = amount
  }
}
