import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CommandError } from './command-error.ts'
import { readDiskSettings } from './disk-settings.ts'

test('what is set is taken, the rest is left to the agent', () => {
  assert.deepEqual(readDiskSettings({}), {
    logs: { segmentBytesMax: 10 * 1024 ** 2, segmentsMax: 5, segmentMsMax: 86_400_000 },
  })
  const env = {
    SAMPAN_LOG_MAX_SIZE: '1Mi',
    SAMPAN_LOG_MAX_FILES: '2',
    SAMPAN_LOG_MAX_AGE: '1h',
    SAMPAN_LOG_RETENTION: '30d',
    SAMPAN_LOG_POD_MAX: '1Gi',
    SAMPAN_LOG_NODE_MAX: '2Gi',
    SAMPAN_PACKAGES_MAX: '3Gi',
    SAMPAN_EVICTION_HARD: 'nodefs.available<1Gi',
    SAMPAN_PRESSURE_TRANSITION: '90s',
  }
  assert.deepEqual(readDiskSettings(env), {
    logs: { segmentBytesMax: 1024 ** 2, segmentsMax: 2, segmentMsMax: 3_600_000 },
    logRetentionMs: 30 * 86_400_000,
    logPodBytesMax: 1024 ** 3,
    logNodeBytesMax: 2 * 1024 ** 3,
    packagesBytesMax: 3 * 1024 ** 3,
    thresholds: { 'nodefs.available': { bytes: 1024 ** 3 } },
    pressureTransitionMs: 90_000,
  })
})

for (const [name, text, why] of [
  ['SAMPAN_LOG_MAX_SIZE', 'large', /^SAMPAN_LOG_MAX_SIZE is "large": /],
  ['SAMPAN_LOG_MAX_SIZE', '0', /write an amount above zero, like 10Mi/],
  ['SAMPAN_LOG_MAX_FILES', '1', /write a number of at least 2/],
  ['SAMPAN_LOG_RETENTION', 'ever', /SAMPAN_LOG_RETENTION "ever" is no duration/],
  ['SAMPAN_EVICTION_HARD', 'disk<1', /"disk<1" is no threshold/],
] as const)
  test(`${name}=${text} is refused with what to write`, () => {
    assert.throws(() => readDiskSettings({ [name]: text }), { constructor: CommandError, message: why })
  })
