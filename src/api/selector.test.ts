import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fc } from '../base/fast-check.ts'
import { fieldErrorText } from './field-errors.ts'
import * as fields from './field-selector.ts'
import { parseSelector } from './selector-parser.ts'
import {
  everything,
  formatSelector,
  isEverything,
  matchesLabels,
  nothing,
  selectorFrom,
  selectorFromLabels,
  validateLabelSelector,
} from './selector.ts'
import { isBadRequest } from './status.ts'

describe('a label selector as text', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['', ''],
    [' ', ''],
    ['a', 'a'],
    ['!a', '!a'],
    ['! a', '!a'],
    ['a=b', 'a=b'],
    ['a = b', 'a=b'],
    ['a==b', 'a==b'],
    ['a!=b', 'a!=b'],
    ['a=', 'a='],
    ['a=,b', 'a=,b'],
    ['a in (c, b,c)', 'a in (b,c)'],
    ['a in (b)', 'a in (b)'],
    ['a notin (b,c)', 'a notin (b,c)'],
    ['a in ()', 'a in ()'],
    ['a in (,b)', 'a in (,b)'],
    ['a in (b,,c,)', 'a in (,b,c)'],
    ['a>1', 'a>1'],
    ['a<1', 'a<1'],
    ['z,!y,x=1', 'x=1,!y,z'],
    ['in in (in,notin)', 'in in (in,notin)'],
    ['notin=in', 'notin=in'],
    ['example.com/a=b', 'example.com/a=b'],
    ['a=b,', 'error'],
  ]
  for (const [text, formatted] of rows) {
    if (formatted === 'error') continue
    test(JSON.stringify(text), () => assert.equal(formatSelector(parseSelector(text)), formatted))
  }

  const refusals: readonly (readonly [string, string | RegExp])[] = [
    ['=b', "found '=', expected: !, identifier, or 'end of string'"],
    [',a', "found ',', expected: !, identifier, or 'end of string'"],
    ['a=b,', "found '', expected: identifier after ','"],
    ['a,,b', "found ',', expected: identifier after ','"],
    ['a b', "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
    ['a=b c', "found 'c', expected: ',' or 'end of string'"],
    ['!a=b', "found '=', expected: ',' or 'end of string'"],
    ['!', "unable to parse requirement: found '', expected: identifier"],
    ['a==(', "unable to parse requirement: found '(', expected: identifier"],
    ['a in b', "unable to parse requirement: found 'b' expected: '('"],
    ['a in (b', "unable to parse requirement: found '', expected: ',' or ')'"],
    ['a in (b c)', "unable to parse requirement: found 'c', expected: ',' or ')'"],
    ['a in (=)', "unable to parse requirement: found '=', expected: ',', ')' or identifier"],
    ['a in (b,=)', "unable to parse requirement: found '=', expected: ',', or identifier"],
    ['-a', /^unable to parse requirement: <nil>: Invalid value: "-a": name part must consist of/],
    ['a=-b', /^unable to parse requirement: values\[0\]\[a\]: Invalid value: "-b": a valid label must be/],
    ['a>b', /values\[0\]: Invalid value: "b": for 'Gt', 'Lt' operators, the value must be an integer$/],
    ['a\u0000', /Invalid value: "a\\x00"/],
  ]
  for (const [text, message] of refusals) {
    test(`refused: ${JSON.stringify(text)}`, () => {
      assert.throws(
        () => parseSelector(text),
        (error: Error) => {
          assert.ok(isBadRequest(error))
          if (typeof message === 'string') assert.equal(error.message, message)
          else assert.match(error.message, message)
          return true
        },
      )
    })
  }
})

describe('a selector matches', () => {
  const labels = { app: 'web', tier: 'front', size: '10' }
  const rows: readonly (readonly [string, boolean])[] = [
    ['', true],
    ['app=web', true],
    ['app==db', false],
    ['app!=db', true],
    ['none!=db', true],
    ['app!=web', false],
    ['app in (db,web)', true],
    ['none in (db,web)', false],
    ['app notin (db,web)', false],
    ['none notin (web)', true],
    ['app', true],
    ['none', false],
    ['!app', false],
    ['!none', true],
    ['size>9', true],
    ['size<10', false],
    ['app>1', false],
    ['none<1', false],
    ['app=web,tier=back', false],
    ['constructor', false],
  ]
  for (const [text, matches] of rows) {
    test(`${text} ${matches}`, () => assert.equal(matchesLabels(parseSelector(text), labels), matches))
  }
  test('objects without labels', () => {
    assert.equal(matchesLabels(everything, undefined), true)
    assert.equal(matchesLabels(parseSelector('!a'), undefined), true)
    assert.equal(matchesLabels(parseSelector('a'), undefined), false)
  })
})

describe('a LabelSelector', () => {
  test('absent selects nothing, empty everything', () => {
    assert.equal(selectorFrom(undefined), nothing)
    assert.equal(matchesLabels(selectorFrom(null), {}), false)
    assert.ok(isEverything(selectorFrom({})) && !isEverything(nothing))
  })
  test('labels and expressions', () => {
    const selector = selectorFrom({
      matchLabels: { b: '1' },
      matchExpressions: [
        { key: 'a', operator: 'In', values: ['y', 'x'] },
        { key: 'c', operator: 'Exists' },
        { key: 'd', operator: 'DoesNotExist' },
        { key: 'e', operator: 'NotIn', values: ['z'] },
      ],
    })
    assert.equal(formatSelector(selector), 'a in (x,y),b=1,c,!d,e notin (z)')
    assert.equal(formatSelector(selectorFromLabels({ z: '1', a: '2' })), 'a=2,z=1')
  })
  test('refusals', () => {
    assert.throws(
      () => selectorFrom({ matchExpressions: [{ key: 'a', operator: 'Near' }] }),
      /"Near" is not a valid label selector operator/,
    )
    assert.throws(
      () => selectorFrom({ matchExpressions: [{ key: 'a', operator: 'In' }] }),
      /values: Invalid value: \[\]: for 'in', 'notin' operators/,
    )
  })
  test('validation has field paths', () => {
    const errors = validateLabelSelector(
      {
        matchLabels: { '-a': '-b' },
        matchExpressions: [
          { key: 'a', operator: 'In' },
          { key: 'a', operator: 'Exists', values: ['x'] },
          { key: '', operator: 'Near', values: ['-'] },
        ],
      },
      'spec.selector',
    )
    const texts = errors.map((error) => fieldErrorText(error).replace(/(name part|a valid label) .*/, '$1…'))
    assert.deepEqual(texts, [
      'spec.selector.matchLabels: Invalid value: "-a": name part…',
      'spec.selector.matchLabels: Invalid value: "-b": a valid label…',
      "spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
      "spec.selector.matchExpressions[1].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
      'spec.selector.matchExpressions[2].operator: Invalid value: "Near": not a valid selector operator',
      'spec.selector.matchExpressions[2].key: Invalid value: "": name part…',
      'spec.selector.matchExpressions[2].key: Invalid value: "": name part…',
      'spec.selector.matchExpressions[2].values[0]: Invalid value: "-": a valid label…',
    ])
  })
})

describe('a field selector', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['', ''],
    ['metadata.name=x', 'metadata.name=x'],
    ['metadata.name==x,', 'metadata.name=x'],
    ['b!=2,a=1', 'a=1,b!=2'],
    ['a=x\\,y\\=z\\\\', 'a=x\\,y\\=z\\\\'],
    ['a=', 'a='],
  ]
  for (const [text, formatted] of rows) {
    test(JSON.stringify(text), () =>
      assert.equal(fields.formatFieldSelector(fields.parseFieldSelector(text)), formatted),
    )
  }
  test('matching', () => {
    const valueOf = (name: string) => ({ 'status.phase': 'Running' })[name]
    const matches = (text: string) => fields.matchesFields(fields.parseFieldSelector(text), valueOf)
    assert.deepEqual(
      ['status.phase=Running', 'status.phase!=Running', 'none=', 'none!=x', 'none=x'].map(matches),
      [true, false, true, true, false],
    )
    assert.equal(
      fields.requiredFieldValue(fields.parseFieldSelector('a!=1,metadata.name=x'), 'metadata.name'),
      'x',
    )
  })
  test('refusals', () => {
    const refusals: readonly (readonly [string, string])[] = [
      ['x', "invalid selector: 'x'; can't understand 'x'"],
      ['a=1,x', "invalid selector: 'a=1,x'; can't understand 'x'"],
      ['a=b=c', 'invalid field selector: unescaped character in value: 61'],
      ['a=\\x', 'invalid field selector: invalid escape sequence: \\x'],
      ['a=\\', 'invalid field selector: invalid escape sequence: \\'],
    ]
    for (const [text, message] of refusals) {
      assert.throws(
        () => fields.parseFieldSelector(text),
        (error: Error) => isBadRequest(error) && error.message === message,
      )
    }
  })
})

test('what is formatted parses to the same selector', () => {
  const words = fc.constantFrom('a', 'b-c', 'in', 'notin', 'x.y/z', '1')
  const values = fc.constantFrom('', 'v', 'in', '7')
  const requirements = fc.oneof(
    words,
    words.map((key) => `!${key}`),
    fc.tuple(words, fc.constantFrom('=', '==', '!='), values).map((parts) => parts.join('')),
    fc
      .tuple(words, fc.constantFrom('in', 'notin'), fc.array(values))
      .map(([key, op, list]) => `${key} ${op} (${list.join(',')})`),
    fc.tuple(words, fc.constantFrom('>', '<'), fc.nat()).map((parts) => parts.join('')),
  )
  fc.assert(
    fc.property(fc.array(requirements), (list) => {
      const selector = parseSelector(list.join(','))
      assert.deepEqual(parseSelector(formatSelector(selector)), selector)
      assert.equal(selector.requirements.length, list.length)
    }),
    { numRuns: 1000 },
  )
  const terms = fc.tuple(fc.constantFrom('a', 'b.c'), fc.constantFrom('=', '!='), fc.string())
  fc.assert(
    fc.property(fc.array(terms), (list) => {
      const text = list
        .map(([field, operator, value]) => field + operator + fields.escapeFieldValue(value))
        .join(',')
      const selector = fields.parseFieldSelector(text)
      assert.deepEqual(fields.parseFieldSelector(fields.formatFieldSelector(selector)), selector)
      assert.equal(selector.length, list.length)
    }),
  )
})

test('any text is parsed or refused as BadRequest', () => {
  const texts = fc.oneof(
    fc.string(),
    fc
      .array(fc.constantFrom('a', ' ', '=', '!', '(', ')', ',', 'in', 'notin', '>', '\\'))
      .map((parts) => parts.join('')),
  )
  fc.assert(
    fc.property(texts, (text) => {
      for (const parse of [parseSelector, fields.parseFieldSelector]) {
        try {
          parse(text)
        } catch (error) {
          assert.ok(isBadRequest(error), String(error))
        }
      }
    }),
    { numRuns: 2000 },
  )
})
