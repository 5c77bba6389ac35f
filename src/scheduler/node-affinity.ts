import type { Node, NodeSelectorRequirement, NodeSelectorTerm } from '../api/schema/types.gen.ts'

/** Whether a node matches a term: every expression over its labels and every field. A term without either matches nothing. */
export function matchesTerm(term: NodeSelectorTerm, node: Node): boolean {
  const expressions = term.matchExpressions ?? []
  const fields = term.matchFields ?? []
  if (expressions.length === 0 && fields.length === 0) return false
  const labels = node.metadata.labels ?? {}
  return (
    expressions.every((requirement) => matches(requirement, labels[requirement.key])) &&
    fields.every(
      (requirement) => requirement.key === 'metadata.name' && matches(requirement, node.metadata.name),
    )
  )
}

function matches({ operator, values = [] }: NodeSelectorRequirement, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value)
    case 'NotIn':
      return value === undefined || !values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    case 'Gt':
      return integerOf(value) > integerOf(values[0])
    case 'Lt':
      return integerOf(value) < integerOf(values[0])
    default:
      return false // validation refuses any other operator
  }
}

/** NaN for anything else, which is neither more nor less than any number. */
const integerOf = (text: string | undefined): number => (/^-?\d+$/.test(text ?? '') ? Number(text) : NaN)
