import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fc } from '../base/fast-check.ts'
import { parseCronSchedule } from './cron-schedule.ts'

const fieldsOf = (text: string) => {
  const schedule = parseCronSchedule(text)
  assert.ok(typeof schedule === 'object' && 'minutes' in schedule, text)
  return schedule
}

test('each notation names its numbers', () => {
  const schedule = fieldsOf('*/20 1,3 10-12 JAN-mar 5/1')
  assert.deepEqual([...schedule.minutes], [0, 20, 40])
  assert.deepEqual([...schedule.hours], [1, 3])
  assert.deepEqual([...schedule.daysOfMonth], [10, 11, 12])
  assert.deepEqual([...schedule.months], [1, 2, 3])
  assert.deepEqual([...schedule.daysOfWeek], [5, 6])
})

test('only a plain star leaves days open', () => {
  const { anyDayOfMonth, anyDayOfWeek } = fieldsOf('0 0 * * */2')
  assert.deepEqual({ anyDayOfMonth, anyDayOfWeek }, { anyDayOfMonth: true, anyDayOfWeek: false })
})

test('words stand for fields, and a time zone is skipped', () => {
  assert.deepEqual(fieldsOf('@weekly'), fieldsOf('TZ=Asia/Tokyo 0 0 * * sun'))
})

test('@every counts whole seconds, at least one', () => {
  assert.deepEqual(parseCronSchedule('@every 1h30m'), { everyMs: 5_400_000 })
  assert.deepEqual(parseCronSchedule('@every 2500ms'), { everyMs: 2_000 })
  assert.deepEqual(parseCronSchedule('@every 1ms'), { everyMs: 1_000 })
})

const refused: readonly (readonly [text: string, why: string])[] = [
  ['', 'empty spec string'],
  ['* * *', 'expected exactly 5 fields, found 3: [* * *]'],
  ['60 * * * *', 'end of range (60) above maximum (59): 60'],
  ['* * 0 * *', 'beginning of range (0) below minimum (1): 0'],
  ['5-2 * * * *', 'beginning of range (5) beyond end of range (2): 5-2'],
  ['*/0 * * * *', 'step of range should be a positive number: */0'],
  ['1-2-3 * * * *', 'too many hyphens: 1-2-3'],
  ['1/2/3 * * * *', 'too many slashes: 1/2/3'],
  ['a * * * *', 'failed to parse int from a: strconv.Atoi: parsing "a": invalid syntax'],
  ['* * * * 7', 'end of range (7) above maximum (6): 7'],
  ['@noon', 'unrecognized descriptor: @noon'],
  ['@every x', 'failed to parse duration @every x: time: invalid duration "x"'],
]
for (const [text, why] of refused) {
  test(`«${text}» is refused as upstream refuses it`, () => assert.equal(parseCronSchedule(text), why))
}

test('any text is a schedule or a message', () => {
  const word = fc.constantFrom('*', '?', '/', '-', ',', ' ', '1', '9', '@', 'every', 'mon', 'TZ=', 'é')
  fc.assert(
    fc.property(fc.array(word, { maxLength: 12 }), (words) => {
      assert.match(typeof parseCronSchedule(words.join('')), /^(object|string)$/)
    }),
  )
})
