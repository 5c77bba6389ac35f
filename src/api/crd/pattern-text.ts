/** A cursor over the text of a pattern, by characters rather than UTF-16 units. */
export class PatternText {
  at = 0
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  isAtEnd(): boolean {
    return this.at >= this.#text.length
  }

  /** The character after `skipped` units; empty at the end. */
  peek(skipped = 0): string {
    const code = this.#text.codePointAt(this.at + skipped)
    return code === undefined ? '' : String.fromCodePoint(code)
  }

  take(): string {
    const char = this.peek()
    if (char === '') throw this.error('unexpected end of expression')
    this.at += char.length
    return char
  }

  skip(word: string): boolean {
    if (!this.#text.startsWith(word, this.at)) return false
    this.at += word.length
    return true
  }

  /** `pattern` is sticky. */
  tryMatch(pattern: RegExp): RegExpExecArray | undefined {
    const sticky = new RegExp(pattern)
    sticky.lastIndex = this.at
    const found = sticky.exec(this.#text)
    if (!found) return undefined
    this.at = sticky.lastIndex
    return found
  }

  takeMatch(pattern: RegExp): string {
    const found = this.tryMatch(pattern)
    if (!found) throw this.error(`unexpected \`${this.peek()}\``)
    return found[0]
  }

  error(problem: string, cause?: unknown): Error {
    return new Error(`error parsing regexp: ${problem}`, { cause })
  }
}
