/** Text in the base64 of `bytes` fields. Without Buffer, so that a browser can do it too. */
import { bytesToBase64 } from '../schema/base64.ts'

export const encodeBase64 = (text: string): string => bytesToBase64(new TextEncoder().encode(text))

/** How many bytes the text stands for, without decoding it. */
export const decodedLength = (base64: string): number => {
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0
  return Math.max(0, Math.floor((base64.length * 3) / 4) - padding)
}

/** The bytes read as UTF-8; undefined when the text isn't base64. */
export const decodeBase64Text = (base64: string): string | undefined => {
  try {
    const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))
    return new TextDecoder().decode(bytes)
  } catch {
    return undefined // atob refuses what isn't base64; the caller says so in its own words
  }
}
