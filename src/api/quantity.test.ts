import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fc } from '../base/fast-check.ts'
import * as quantity from './quantity.ts'
import { isBadRequest } from './status.ts'

describe('the canonical form', () => {
  const rows: readonly (readonly [string | number, string])[] = [
    ['0', '0'],
    ['0Ki', '0'],
    ['-0', '0'],
    ['1000m', '1'],
    ['0.5', '500m'],
    ['.5', '500m'],
    ['1.5', '1500m'],
    ['100m', '100m'],
    ['1024Mi', '1Gi'],
    ['1Gi', '1Gi'],
    ['1536Mi', '1536Mi'],
    ['1.5Gi', '1536Mi'],
    ['1024', '1024'],
    ['1000', '1k'],
    ['1000k', '1M'],
    ['10000', '10k'],
    ['128974848', '128974848'],
    ['129e6', '129e6'],
    ['1000e3', '1e6'],
    ['12E', '12E'],
    ['1E3', '1E3'],
    ['1e-3', '1e-3'],
    ['0.1Mi', '104857600m'],
    ['0.5Ki', '512'],
    ['512Ki', '512Ki'],
    ['1023', '1023'],
    ['1n', '1n'],
    ['0.1n', '1n'],
    ['1.0000000001', '1000000001n'],
    ['-1.5', '-1500m'],
    ['-1024Mi', '-1Gi'],
    ['1000E', '1000E'],
    ['8Ei', '9223372036854775807'],
    ['1.123', '1.123'],
    [1, '1'],
    [0.25, '250m'],
    [' 2Gi ', '2Gi'],
  ]
  for (const [text, canonical] of rows) {
    test(`${text} is ${canonical}`, () => assert.equal(quantity.canonicalQuantity(text), canonical))
  }
})

describe('what is no quantity', () => {
  const formatMessage =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
  const rows = [
    ['', formatMessage],
    ['-', formatMessage],
    ['Mi', formatMessage],
    ['1.2.3', formatMessage],
    ['1 Gi', formatMessage],
    ['1GB', formatMessage],
    ['1kk', "unable to parse quantity's suffix"],
    ['1e', "unable to parse quantity's suffix"],
    ['1Ki5', "unable to parse quantity's suffix"],
    ['1e999999999', "unable to parse quantity's suffix"],
    ['1000e300', "unable to parse quantity's suffix"],
    ['9'.repeat(200), formatMessage],
  ] as const
  for (const [text, message] of rows) {
    test(JSON.stringify(text.slice(0, 20)), () => {
      assert.equal(quantity.quantityProblem(text), message)
      assert.throws(
        () => quantity.parseQuantity(text),
        (error: Error) => isBadRequest(error) && error.message === message,
      )
    })
  }
})

test('values round away from zero', () => {
  const { parseQuantity, valueOf, milliValueOf } = quantity
  assert.deepEqual(
    ['1500m', '-1500m', '1Gi', '1n'].map((text) => valueOf(parseQuantity(text))),
    [2, -2, 2 ** 30, 1],
  )
  assert.deepEqual(
    ['1500m', '0.1m', '2'].map((text) => milliValueOf(parseQuantity(text))),
    [1500, 1, 2000],
  )
})

test('sums keep the notation of the first that is not zero', () => {
  const { parseQuantity: parse, addQuantities, subtractQuantities, formatQuantity, zeroQuantity } = quantity
  assert.equal(formatQuantity(addQuantities(parse('1Gi'), parse('1024'))), '1048577Ki')
  assert.equal(formatQuantity(addQuantities(zeroQuantity, parse('512Mi'))), '512Mi')
  assert.equal(formatQuantity(subtractQuantities(parse('1'), parse('250m'))), '750m')
  assert.equal(formatQuantity(quantity.multiplyQuantity(parse('250m'), 3)), '750m')
  assert.equal(formatQuantity(quantity.quantityOf(2 ** 30, 'BinarySI')), '1Gi')
  assert.equal(formatQuantity(quantity.milliQuantityOf(1500)), '1500m')
})

const texts = fc
  .tuple(
    fc.constantFrom('', '-', '+'),
    fc.nat(99_999_999),
    fc.option(fc.nat(999_999)),
    fc.constantFrom('', 'n', 'u', 'm', 'k', 'M', 'G', 'T', 'P', 'Ki', 'Mi', 'Gi', 'Ti', 'e3', 'E-3', 'e10'),
  )
  .map(
    ([sign, whole, fraction, suffix]) => `${sign}${whole}${fraction === null ? '' : `.${fraction}`}${suffix}`,
  )

test('the canonical form means the same amount and is its own canonical form', () => {
  fc.assert(
    fc.property(texts, (text) => {
      const { parseQuantity, formatQuantity, compareQuantities, canonicalQuantity } = quantity
      const parsed = parseQuantity(text)
      const canonical = formatQuantity({ nano: parsed.nano, format: parsed.format })
      assert.equal(compareQuantities(parseQuantity(canonical), parsed), 0, `${text} → ${canonical}`)
      assert.equal(canonicalQuantity(canonical), canonical)
      assert.equal(compareQuantities(parseQuantity(quantity.canonicalQuantity(text)), parsed), 0)
    }),
    { numRuns: 2000 },
  )
})

test('order is that of the amounts, and sums cancel', () => {
  fc.assert(
    fc.property(texts, texts, (left, right) => {
      const [a, b] = [quantity.parseQuantity(left), quantity.parseQuantity(right)]
      const back = quantity.subtractQuantities(quantity.addQuantities(a, b), b)
      assert.equal(quantity.compareQuantities(back, a), 0)
      assert.equal(quantity.compareQuantities(a, b), -quantity.compareQuantities(b, a) + 0)
    }),
  )
})

test('any text is parsed or refused as BadRequest', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.stringMatching(/^[+-]?[0-9.]{0,9}[eEinumkKMGTP]{0,3}[-+]?[0-9]{0,4}$/)),
      (text) => {
        try {
          quantity.formatQuantity(quantity.parseQuantity(text))
        } catch (error) {
          assert.ok(isBadRequest(error))
        }
      },
    ),
    { numRuns: 2000 },
  )
})

test('what is accepted is readable in its canonical form too, at any length', () => {
  for (const length of [120, 121, 122, 123, 124, 125, 126, 127, 128]) {
    const text = `${'9'.repeat(length - 2)}e8`
    if (quantity.quantityProblem(text) === undefined)
      assert.equal(quantity.quantityProblem(quantity.canonicalQuantity(text)), undefined, text)
  }
  assert.equal(quantity.quantityProblem(`${'9'.repeat(124)}e8`), undefined)
  assert.equal(quantity.quantityProblem(`${'9'.repeat(126)}e6`), undefined)
  assert.notEqual(quantity.quantityProblem(`${'9'.repeat(126)}e8`), undefined)
})
