/**
 * Cells that many tables share. Text is that of `kubectl get` against kube-apiserver
 * (kubernetes pkg/printers/internalversion/printers.go).
 */
import { ageOf } from '../duration.ts'
import type { KubeObject } from '../meta.ts'
import type { Column } from '../resource.ts'
import type { Container } from '../schema/types.gen.ts'

export const none = '<none>'

/** A function, not a constant, so that each table keeps the type of its own objects. */
export const nameColumn = <T extends KubeObject>(): Column<T> => ({
  name: 'Name',
  type: 'string',
  format: 'name',
  value: (object) => object.metadata.name ?? '',
})

export const ageColumn = <T extends KubeObject>(): Column<T> => ({
  name: 'Age',
  type: 'string',
  value: (object, nowMs) => ageOf(object.metadata.creationTimestamp, nowMs),
})

/** Kinds for which kube-apiserver has no table of its own have this beside the name. */
export const createdAtColumn = <T extends KubeObject>(): Column<T> => ({
  name: 'Created At',
  type: 'date',
  value: (object) => object.metadata.creationTimestamp ?? '',
})

/** `app=web,tier=db`, sorted by key. */
export const labelsText = (labels: Readonly<Record<string, string>> | undefined): string => {
  const pairs = Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`)
  return pairs.length === 0 ? none : pairs.toSorted().join(',')
}

export const containerNames = (containers: readonly Container[] | undefined): string =>
  (containers ?? []).map((container) => container.name).join(',')

export const containerImages = (containers: readonly Container[] | undefined): string =>
  (containers ?? []).map((container) => container.image ?? '').join(',')

/** The first three of a list and how many more there are. */
export const firstFew = (items: readonly string[]): string => {
  const shown = items.slice(0, shownMax).join(',')
  if (items.length > shownMax) return `${shown} + ${items.length - shownMax} more...`
  return shown === '' ? '<unset>' : shown
}

/** As many as kube-apiserver shows. */
const shownMax = 3
