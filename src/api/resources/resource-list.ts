/** Amounts by resource: `{cpu: '500m', memory: '1Gi'}`. */
import { canonicalQuantity, quantityProblem } from '../quantity.ts'

/**
 * Writes each amount as an API server stores it (`0.5` as `500m`), so that comparing text compares amounts. What isn't
 * a quantity stays for validation to refuse.
 */
export const canonicalizeAmounts = (list: Record<string, string> | undefined): void => {
  for (const [name, text] of Object.entries(list ?? {})) {
    if (list !== undefined && quantityProblem(text) === undefined) list[name] = canonicalQuantity(text)
  }
}
