/**
 * fast-check as tests use it: from one seed, so that a commit that passed passes again; `SEED=7 npm test -- FILE` tries
 * other inputs. A failure prints its seed.
 */
import fc from 'fast-check'

const seedByDefault = 20_261_122

fc.configureGlobal({ seed: Number(process.env['SEED'] ?? seedByDefault) })

export { fc }
