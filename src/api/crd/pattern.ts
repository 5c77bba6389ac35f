/** A schema's `pattern`, which is of Go's dialect, as a RegExp. */

/** Characters that a pattern is tried on: a backtracking matcher needs a bound, and no name or address is longer. */
export const matchedLengthMax = 16_384

/** Throws what is wrong with it. */
export const patternOf = (pattern: string): RegExp => {
  const marks = /^\(\?([ims]+)\)/.exec(pattern)
  const body = pattern
    .slice(marks?.[0].length ?? 0)
    .replaceAll('\\A', '^')
    .replaceAll('\\z', '$')
    .replaceAll('(?P<', '(?<')
    .replaceAll(/\[:(\w+):\]/g, (whole, name: string) => classes[name] ?? whole)
  const flags = marks?.[1] ?? ''
  try {
    return new RegExp(body, `u${flags}`)
  } catch {
    // `\_` and its like are fine with Go, and with JavaScript only outside of Unicode mode.
    return new RegExp(body, flags)
  }
}

const classes: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  digit: '0-9',
  lower: 'a-z',
  space: '\\t\\n\\v\\f\\r ',
  upper: 'A-Z',
  word: '0-9A-Za-z_',
  xdigit: '0-9A-Fa-f',
}
