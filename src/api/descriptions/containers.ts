/** Sentences for `descriptions.ts`, which says the format. */
export const text = `
`
