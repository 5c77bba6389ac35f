/**
 * A schema's `pattern`, which is of Go's dialect. Matched as Go matches it, in time linear in the value: JavaScript's own
 * RegExp goes back and tries again, and with `^(a+)+$` thirty characters keep it, and the whole server, busy for minutes.
 *
 * The pattern becomes a little program; all of its threads walk over the value together, each place in the program taken
 * by one thread at most (Thompson's construction).
 */
import type { CharTest } from './pattern-class.ts'
import { parsePattern, type Node, type Place } from './pattern-syntax.ts'

/** Characters that a pattern is tried on: with the longest program that takes half a second. No name or address is longer. */
export const matchedLengthMax = 16_384
/** Steps of a program. `[a-z]{1,253}` has 760. */
const stepsMax = 5_000
const visitsMax = 4 * stepsMax

/** How often a part of the pattern has been compiled. */
interface Visits {
  count: number
}

export interface Pattern {
  /** Whether it occurs anywhere in the value. */
  test(value: string): boolean
}

type Step =
  | { readonly kind: 'char'; readonly test: CharTest }
  | { readonly kind: 'place'; readonly place: Place }
  /** Goes on in two places; both are always set when the program is complete. */
  | { readonly kind: 'split'; a: number; b: number }
  | { readonly kind: 'jump'; to: number }
  | { readonly kind: 'match' }

/** Throws what is wrong with it. */
export const patternOf = (pattern: string): Pattern => {
  const steps: Step[] = []
  compile(parsePattern(pattern), steps, { count: 0 })
  steps.push({ kind: 'match' })
  return { test: (value) => isMatch(steps, value) }
}

function compile(node: Node, steps: Step[], visits: Visits): void {
  // Each visit counts: `(){1000}` within its like makes no steps, a thousand times a thousand times.
  if (steps.length > stepsMax || ++visits.count > visitsMax)
    throw new Error('error parsing regexp: expression too large')
  switch (node.kind) {
    case 'char':
    case 'place':
      steps.push(node)
      return
    case 'sequence':
      for (const inner of node.nodes) compile(inner, steps, visits)
      return
    case 'choice':
      return compileChoice(node.nodes, steps, visits)
    case 'repeat':
      return compileRepeat(node, steps, visits)
    default:
      node satisfies never
  }
}

function compileChoice(nodes: readonly Node[], steps: Step[], visits: Visits): void {
  const jumps: { to: number }[] = []
  for (const [i, inner] of nodes.entries()) {
    if (i === nodes.length - 1) compile(inner, steps, visits)
    else {
      const split = { kind: 'split', a: steps.length + 1, b: 0 } as const satisfies Step
      const fork: { b: number } = split
      steps.push(split)
      compile(inner, steps, visits)
      const jump = { kind: 'jump' as const, to: 0 }
      steps.push(jump)
      jumps.push(jump)
      fork.b = steps.length
    }
  }
  for (const jump of jumps) jump.to = steps.length
}

function compileRepeat(
  { max, min, node }: Node & { readonly kind: 'repeat' },
  steps: Step[],
  visits: Visits,
): void {
  for (let i = 0; i < min; i++) compile(node, steps, visits)
  if (max === Infinity) {
    const split = { kind: 'split' as const, a: steps.length + 1, b: 0 }
    const start = steps.length
    steps.push(split)
    compile(node, steps, visits)
    steps.push({ kind: 'jump', to: start })
    split.b = steps.length
    return
  }
  const forks: { b: number }[] = []
  for (let i = min; i < max; i++) {
    const split = { kind: 'split' as const, a: steps.length + 1, b: 0 }
    steps.push(split)
    forks.push(split)
    compile(node, steps, visits)
  }
  for (const fork of forks) fork.b = steps.length
}

function isMatch(steps: readonly Step[], value: string): boolean {
  const codes = Array.from(value, (char) => char.codePointAt(0) ?? 0)
  /** Where each step was last reached: at most once for each character. */
  const reached = new Int32Array(steps.length).fill(-1)
  let threads: number[] = []
  for (let at = 0; at <= codes.length; at++) {
    const waiting: number[] = []
    // The match may begin at any character.
    if (follow([...threads, 0], { steps, codes, at, reached, waiting })) return true
    const code = codes[at]
    if (code === undefined) return false
    threads = []
    for (const thread of waiting) {
      const step = steps[thread]
      if (step?.kind === 'char' && step.test(code)) threads.push(thread + 1)
    }
  }
  return false
}

interface Walk {
  readonly steps: readonly Step[]
  readonly codes: readonly number[]
  readonly at: number
  readonly reached: Int32Array
  /** Gets the threads that wait for a character. */
  readonly waiting: number[]
}

/** Follows all that needs no character. True when the match is complete. */
function follow(stack: number[], { at, codes, reached, steps, waiting }: Walk): boolean {
  for (let thread = stack.pop(); thread !== undefined; thread = stack.pop()) {
    const step = steps[thread]
    if (!step || reached[thread] === at) continue
    reached[thread] = at
    if (step.kind === 'match') return true
    if (step.kind === 'char') waiting.push(thread)
    else if (step.kind === 'jump') stack.push(step.to)
    else if (step.kind === 'split') stack.push(step.a, step.b)
    else if (isAt(step.place, codes, at)) stack.push(thread + 1)
  }
  return false
}

function isAt(place: Place, codes: readonly number[], at: number): boolean {
  switch (place) {
    case 'text-start':
      return at === 0
    case 'text-end':
      return at === codes.length
    case 'line-start':
      return at === 0 || codes[at - 1] === newline
    case 'line-end':
      return at === codes.length || codes[at] === newline
    case 'word-edge':
      return isWord(codes[at - 1]) !== isWord(codes[at])
    case 'no-word-edge':
      return isWord(codes[at - 1]) === isWord(codes[at])
    default:
      return place satisfies never
  }
}

const newline = 10

const isWord = (code: number | undefined): boolean =>
  code !== undefined && /\w/.test(String.fromCodePoint(code))
