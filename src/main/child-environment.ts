import { frugalEnv } from './frugal-node.ts'

/** Credentials of the place for backups, which the server writes. */
const serverOnly = /^AWS_/

/** Of one process of Sampan: as its supervisor's, without secrets that are not its business. */
export const childEnvironment = (name: string, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(Object.entries(env).filter(([key]) => name === 'server' || !serverOnly.test(key))),
  ...frugalEnv,
})
