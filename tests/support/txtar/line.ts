/** One line of a testscript: conditions, an expectation, and words. */

export interface ScriptLine {
  /** `[linux]`, `[!exec:git]`: all must hold, or the line is passed over. */
  readonly conditions: readonly { readonly name: string; readonly isNegated: boolean }[]
  /** `!` wants a failure, `?` takes both. */
  readonly expected: 'success' | 'failure' | 'either'
  readonly words: readonly string[]
}

/** `undefined` for a line that is empty or a comment. Throws for a quote without its end. */
export function parseLine(line: string, expand: (text: string) => string): ScriptLine | undefined {
  const words = [...wordsOf(line, expand)]
  const conditions: { readonly name: string; readonly isNegated: boolean }[] = []
  let expected: ScriptLine['expected'] = 'success'
  for (let [word] = words; word !== undefined; [word] = words) {
    const condition = /^\[(!?)\s*([^\]]+)\]$/.exec(word)
    if (condition) conditions.push({ name: condition[2] ?? '', isNegated: condition[1] === '!' })
    else if (word === '!') expected = 'failure'
    else if (word === '?') expected = 'either'
    else break
    words.shift()
  }
  if (words.length === 0 && conditions.length === 0 && expected === 'success') return undefined
  if (words.length === 0) throw new Error('a command is missing')
  return { conditions, expected, words }
}

/**
 * Words are apart by blanks; 'single quotes' keep blanks, dollars and number signs, and `''` within them is a quote;
 * outside of quotes `#` begins a comment and variables are replaced.
 */
function* wordsOf(line: string, expand: (text: string) => string): Generator<string> {
  let word: string | undefined
  // A piece of a word: quoted, with '' for a quote; or neither blank, quote nor comment.
  const pieces = /\s+|#.*|'((?:[^']|'')*)'|([^\s'#]+)|'/gy
  for (const [piece, quoted, plain] of line.matchAll(pieces)) {
    if (quoted !== undefined) word = (word ?? '') + quoted.replaceAll("''", "'")
    else if (plain !== undefined) word = (word ?? '') + expand(plain)
    else if (piece === "'") throw new Error('a quoted word has no end')
    else {
      if (word !== undefined) yield word
      word = undefined
    }
  }
  if (word !== undefined) yield word
}

/** `$NAME` and `${NAME}`; `${NAME@R}` is its value as a regular expression would match it. What isn't set is empty. */
export function expandVariables(text: string, valueOf: (name: string) => string | undefined): string {
  return text.replace(
    /\$(?:\{([^}]*)\}|(\w+|[^\w{]))/g,
    (_, braced: string | undefined, plain: string | undefined) => {
      const name = braced ?? plain ?? ''
      if (!name.endsWith('@R')) return valueOf(name) ?? ''
      return (valueOf(name.slice(0, -2)) ?? '').replace(/[\\.+*?()|[\]{}^$]/g, '\\$&')
    },
  )
}
