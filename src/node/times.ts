/** RFC 3339 with seconds, as `metav1.Time`. */
export const timeOf = (date: Date): string => date.toISOString().replace(/\.\d+Z$/, 'Z')

/** RFC 3339 with microseconds, as `metav1.MicroTime`. */
export const microTimeOf = (date: Date): string => date.toISOString().replace('Z', '000Z')
