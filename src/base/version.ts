/** Sampan's own version; `tests/tidy.test.ts` holds it against package.json. */
export const sampanVersion = '0.1.0'
/** The Kubernetes API release whose semantics the API server follows, as `/version` reports it. */
export const kubernetesVersion = { major: '1', minor: '35', gitVersion: 'v1.35.0' } as const
