/** fast-check as tests use it: from their seed. */
import fc from 'fast-check'
import { testSeed } from './test-seed.ts'

fc.configureGlobal({ seed: testSeed })

export { fc }
