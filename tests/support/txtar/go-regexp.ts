/**
 * A regular expression as Go writes it, in multi-line mode as testscript compiles it. What the two languages write
 * differently and scripts use is translated; the rest is the same, or JavaScript refuses it.
 */
export function goRegExp(pattern: string): RegExp {
  const leading = /^\(\?([imsU]+)\)/.exec(pattern)
  if (leading?.[1]?.includes('U')) throw new Error(`(?U) is not supported: ${pattern}`)
  const flags = new Set(`m${leading?.[1] ?? ''}`)
  const source = pattern
    .slice(leading?.[0].length ?? 0)
    .replace(/\\Q([^]*?)(?:\\E|$)/g, (_, text: string) => text.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&'))
    .replace(/\[:(\w+):\]/g, (whole, name: string) => classes[name] ?? whole)
    .replaceAll('(?P<', '(?<')
    .replaceAll('\\z', '(?![^])')
    .replaceAll('\\A', '(?<![^])')
  return new RegExp(source, [...flags].join(''))
}

const classes: Readonly<Record<string, string>> = {
  alpha: 'A-Za-z',
  digit: '0-9',
  alnum: 'A-Za-z0-9',
  lower: 'a-z',
  upper: 'A-Z',
  space: '\\s',
  xdigit: '0-9A-Fa-f',
  word: '\\w',
}
