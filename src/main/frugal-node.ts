/** How Sampan's own processes are started, so that they take little when idle. docs/measurements.md has what it brings. */

/**
 * V8's nursery grows while modules load: with 1 MB instead of 16 three processes take 18 MB less. What is in work in a busy
 * server doesn't fit into that and is moved twice: with 4 MB a create takes a fifth less of the processor, with 8 MB another
 * fifteenth. Idle, that takes half a megabyte at most: the collection after the start shrinks the nursery.
 */
const nurseryMb = (name: string): number => (name === 'server' ? 8 : 1)

/**
 * Most other flags of V8 cost more than they bring: with them it refuses the compiled code that Node.js carries along,
 * and compiling that anew takes 30 ms and 0.7 MB.
 */
export const frugalFlags = (name: string): readonly string[] => [
  `--max-semi-space-size=${nurseryMb(name)}`,
  '--no-warnings',
]

/** glibc otherwise gives each of V8's and libuv's threads a heap of its own: 6 MB more in all. */
export const frugalEnv = { MALLOC_ARENA_MAX: '1' }
