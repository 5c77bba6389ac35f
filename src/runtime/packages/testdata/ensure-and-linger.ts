/** Ensures npm:app@1 with the root and registry of its arguments: an agent to be killed in the middle of an install. */
import { realClock } from '../../../base/clock.ts'
import { silentLogger } from '../../../base/logger.ts'
import { openPackageCache } from '../cache.ts'

const [root = '', registry = ''] = process.argv.slice(2)
const cache = await openPackageCache({
  root,
  nodeDefault: { path: process.execPath, version: process.versions.node },
  clock: realClock,
  logger: silentLogger,
  npm: { registry, fetchRetries: 0 },
})
await cache.ensure({ scheme: 'npm', name: 'app', version: '1' }, {}, new AbortController().signal)
