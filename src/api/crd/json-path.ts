/**
 * The JSONPath of printer columns and selectable fields: fields, quoted fields, indexes, `[*]`, and the filter that picks a
 * condition by its type. Upstream's columns are limited to the same.
 */
import { isJsonArray, isJsonObject, type JsonValue } from '../json.ts'

export type Step =
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'all' }
  | {
      readonly kind: 'filter'
      readonly path: readonly Step[]
      readonly operator: string
      readonly value: JsonValue
    }

const stepPattern =
  /\.((?:\\.|[^.[\]\\])+)|\[(-?\d+)\]|\[(\*)\]|\.(\*)|\['([^']*)'\]|\["([^"]*)"\]|\[\?\(@((?:\.(?:\\.|[^.[\]\\=!<> ])+)+)\s*(==|!=)\s*("[^"]*"|'[^']*'|true|false|-?\d+(?:\.\d+)?)\s*\)\]/y

/** Undefined for a path that is none, or that goes beyond the subset. */
export const parseJsonPath = (text: string): readonly Step[] | undefined => {
  const path = text.startsWith('{') && text.endsWith('}') ? text.slice(1, -1) : text
  const steps: Step[] = []
  const pattern = new RegExp(stepPattern)
  while (pattern.lastIndex < path.length) {
    const match = pattern.exec(path)
    if (!match) return undefined
    const step = stepOf(match)
    if (!step) return undefined
    steps.push(step)
  }
  return steps.length === 0 ? undefined : steps
}

function stepOf(match: RegExpExecArray): Step | undefined {
  const [, name, index, star, dotStar, single, double, inner, operator = '', literal = ''] = match
  if (star !== undefined || dotStar !== undefined || name === '*') return { kind: 'all' }
  if (name !== undefined) return { kind: 'field', name: name.replaceAll(/\\(.)/g, '$1') }
  if (index !== undefined) return { kind: 'index', index: Number(index) }
  const quoted = single ?? double
  if (quoted !== undefined) return { kind: 'field', name: quoted }
  const path = parseJsonPath(inner ?? '')
  if (!path) return undefined
  const text = literal.startsWith("'") ? JSON.stringify(literal.slice(1, -1)) : literal
  return { kind: 'filter', path, operator, value: JSON.parse(text) as JsonValue }
}

/** Everything that the path leads to, in order. */
export const findAll = (root: JsonValue, steps: readonly Step[]): readonly JsonValue[] => {
  let found: readonly JsonValue[] = [root]
  for (const step of steps) found = found.flatMap((value) => below(value, step))
  return found
}

function below(value: JsonValue, step: Step): readonly JsonValue[] {
  switch (step.kind) {
    case 'field': {
      const inner = isJsonObject(value) && Object.hasOwn(value, step.name) ? value[step.name] : undefined
      return inner === undefined ? [] : [inner]
    }
    case 'index': {
      const item = isJsonArray(value) ? value.at(step.index) : undefined
      return item === undefined ? [] : [item]
    }
    case 'all':
      return isJsonArray(value) ? value : isJsonObject(value) ? Object.values(value) : []
    case 'filter':
      return isJsonArray(value) ? value.filter((item) => passes(item, step)) : []
  }
}

const passes = (item: JsonValue, filter: Step & { readonly kind: 'filter' }): boolean => {
  const [found] = findAll(item, filter.path)
  return filter.operator === '==' ? found === filter.value : found !== undefined && found !== filter.value
}
