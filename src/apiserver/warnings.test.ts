import assert from 'node:assert/strict'
import { test } from 'node:test'
import { warningHeader } from './warnings.ts'

const long = (name: string) => `unknown field "${name}${'x'.repeat(5_000)}"`
const rows: { name: string; warnings: readonly string[]; header: RegExp; lengthMax: number }[] = [
  { name: 'each once', warnings: ['a', 'b', 'a'], header: /^299 - "a", 299 - "b"$/, lengthMax: 40 },
  { name: 'nothing but ASCII', warnings: ['é\n"'], header: /^299 - "\?\?\\""$/, lengthMax: 40 },
  {
    name: 'a long one cut',
    warnings: [long('a')],
    header: /^299 - "unknown field \\"ax{240}"$/,
    lengthMax: 300,
  },
  {
    name: 'many, as far as there is room',
    warnings: Array.from({ length: 1_000 }, (_, n) => `unknown field "f${n}"`),
    header: /^299 - "unknown field \\"f0\\"", .*f150\\""/,
    lengthMax: 8_000,
  },
  {
    name: 'a short one among long ones',
    warnings: ['short', ...Array.from({ length: 100 }, (_, n) => long(`${n}`))],
    header: /^299 - "short", 299 - "unknown field \\"0x+", /,
    lengthMax: 8_000,
  },
]
for (const { header, lengthMax, name, warnings } of rows)
  test(`warnings: ${name}`, () => {
    const text = warningHeader(warnings)
    assert.match(text, header)
    assert.ok(text.length <= lengthMax, `${text.length} characters`)
  })
