/** Bytes of a text in UTF-8: the unit in which Kubernetes bounds text. */
export const byteLength = (text: string): number => new TextEncoder().encode(text).length
