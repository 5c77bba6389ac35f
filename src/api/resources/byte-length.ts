/** Bytes of a text in UTF-8: the unit in which Kubernetes bounds text. Counts without encoding: every write asks this of many texts. */
export function byteLength(text: string): number {
  let bytes = text.length
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code < 0x80) continue
    if (code < 0x800) bytes += 1
    else {
      bytes += 2
      // A pair is four bytes in two units; half of one becomes U+FFFD, which is three.
      if ((text.codePointAt(at) ?? 0) > 0xffff) at++
    }
  }
  return bytes
}
