/**
 * What tests choose by chance begins here: the same each time, so that a commit that passed passes again. `SEED=7 npm test
 * -- FILE` tries other inputs and other faults; a failure names its seed.
 */
export const testSeed = Number(process.env['SEED'] ?? 20_261_121)
