/** Base64 as Go's standard encoding reads and writes it: line breaks are skipped, padding is required. */

/** Where Go would say `illegal base64 data at input byte N`, or -1 for valid text (go src/encoding/base64 decodeQuantum). */
export const base64ErrorAt = (text: string): number => {
  if (text.length % 4 === 0 && clean.test(text)) return -1
  let at = 0
  const skipBreaks = () => {
    while (text[at] === '\n' || text[at] === '\r') at++
  }
  for (;;) {
    for (let digit = 0; digit < 4; digit++) {
      skipBreaks()
      if (at >= text.length) return digit === 0 ? -1 : at - digit
      const char = text.charAt(at++)
      if (alphabet.test(char)) continue
      if (char !== '=' || digit < 2) return at - 1
      if (digit === 2) {
        skipBreaks()
        if (at >= text.length) return text.length
        if (text[at++] !== '=') return at - 2
      }
      skipBreaks()
      return at < text.length ? at : -1
    }
  }
}

export const bytesToBase64 = (bytes: Uint8Array): string => {
  let binary = ''
  for (let at = 0; at < bytes.length; at += chunkBytes)
    binary += String.fromCharCode(...bytes.subarray(at, at + chunkBytes))
  return btoa(binary)
}

/** Arguments of one call; the stack holds far more. */
const chunkBytes = 8192
const clean = /^[A-Za-z0-9+/]*={0,2}$/
const alphabet = /^[A-Za-z0-9+/]$/
