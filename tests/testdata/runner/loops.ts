/** Ends never: no bound of a test works while it computes. */
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'

test('is done', () => {})
test('computes', async () => {
  await setImmediate() // what came before is told
  for (;;);
})
