import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalTime, type TimeLayout } from './time.ts'

const layoutOf = { time: '2006-01-02T15:04:05Z07:00', microTime: '2006-01-02T15:04:05.000000Z07:00' }

const good: readonly [text: string, layout: TimeLayout, canonical: string][] = [
  ['2026-01-02T15:04:05Z', 'time', '2026-01-02T15:04:05Z'],
  ['2024-02-29T00:00:00Z', 'time', '2024-02-29T00:00:00Z'],
  ['2026-01-01T00:30:00+01:00', 'time', '2025-12-31T23:30:00Z'],
  ['2026-01-02T15:04:05.999-00:30', 'time', '2026-01-02T15:34:05Z'],
  ['0099-01-01T00:00:00Z', 'time', '0099-01-01T00:00:00Z'],
  ['2026-01-02T15:04:05.000001Z', 'microTime', '2026-01-02T15:04:05.000001Z'],
  ['2026-01-02T15:04:05.100000+02:00', 'microTime', '2026-01-02T13:04:05.100000Z'],
]
for (const [text, layout, canonical] of good)
  test(`${layout} ${text} is ${canonical}`, () =>
    assert.deepEqual(canonicalTime(text, layout), { text: canonical }))

const bad: readonly [text: string, layout: TimeLayout, rest: string][] = [
  ['', 'time', 'cannot parse "" as "2006"'],
  ['2026/01/02', 'time', 'cannot parse "/01/02" as "-"'],
  ['2026-01-02', 'time', 'cannot parse "" as "T"'],
  ['2026-01-02T15:04:05', 'time', 'cannot parse "" as "Z07:00"'],
  ['2026-1-02T15:04:05Z', 'time', 'cannot parse "1-02T15:04:05Z" as "01"'],
  ['2026-01-02T15:04:05Z', 'microTime', 'cannot parse "Z" as ".000000"'],
]
for (const [text, layout, rest] of bad)
  test(`${layout} ${text} ${rest}`, () =>
    assert.deepEqual(canonicalTime(text, layout), {
      error: `parsing time "${text}" as "${layoutOf[layout]}": ${rest}`,
    }))

const ranges: readonly [text: string, what: string][] = [
  ['2026-13-01T00:00:00Z', 'month out of range'],
  ['2026-02-30T00:00:00Z', 'day out of range'],
  ['2026-01-00T00:00:00Z', 'day out of range'],
  ['2026-01-01T24:00:00Z', 'hour out of range'],
  ['2026-01-01T00:60:00Z', 'minute out of range'],
  ['2026-01-01T00:00:60Z', 'second out of range'],
  ['2026-01-01T00:00:00Zx', 'extra text: "x"'],
]
for (const [text, what] of ranges)
  test(`${text}: ${what}`, () =>
    assert.deepEqual(canonicalTime(text, 'time'), { error: `parsing time "${text}": ${what}` }))
