/**
 * Each file of `tests/testdata/printing` holds objects of one resource and the cells kubectl prints for them; a version
 * that isn't the stored one has a file of its own.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { KubeObject } from '../meta.ts'
import type { ResourceDef } from '../resource.ts'
import { resources } from '../table.ts'

interface Golden {
  readonly now: string
  readonly columns: readonly string[]
  readonly cases: readonly {
    readonly name: string
    readonly object: KubeObject
    readonly cells: readonly unknown[]
  }[]
}

const nameOf = ({ group, isVirtual, plural, storage, version }: ResourceDef): string =>
  storage || isVirtual ? `${plural}.${version}.${group}` : plural

const read = (name: string): Golden => {
  const url = new URL(`../../../tests/testdata/printing/${name}.json`, import.meta.url)
  return JSON.parse(readFileSync(url, 'utf8')) as Golden
}

for (const def of resources.filter(({ verbs }) => verbs.includes('list'))) {
  const plural = nameOf(def)
  const golden = read(plural)
  test(`${plural} have the columns of kubectl`, () => {
    assert.deepEqual(
      def.columns.map(({ name }) => name),
      golden.columns,
    )
  })
  for (const { name, object, cells } of golden.cases) {
    test(`${plural}: ${name}`, () => {
      const printed = def.columns.map(({ value }) => value(object, Date.parse(golden.now)))
      assert.deepEqual(printed, cells)
    })
  }
}
