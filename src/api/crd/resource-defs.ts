/** A CustomResourceDefinition as the `ResourceDef`s of its served versions: the same record that a built-in kind is. */
import type { FieldError } from '../field-errors.ts'
import { isJsonObject, type JsonValue } from '../json.ts'
import { apiVersionOf, isTerminating, type KubeObject } from '../meta.ts'
import type { ResourceDef, ScaleSpec, StrategyContext, SubresourceDef } from '../resource.ts'
import { semanticEqual } from '../resources/semantic-equal.ts'
import { allVerbs, scaleSubresource, statusSubresource } from '../resources/strategy.ts'
import { applySchemaDefaults } from './apply-defaults.ts'
import { valueChecker } from './check-value.ts'
import { columnsOf } from './columns.ts'
import type { CrdScale, CrdVersion, CustomResourceDefinition } from './definition.ts'
import { findAll, parseJsonPath } from './json-path.ts'
import { someSchema, type JsonSchema } from './json-schema.ts'
import { isEstablished } from './names.ts'
import { structuralKind } from './structural-type.ts'

/** Best version first, as discovery shows them. Empty until its names are accepted. */
export const resourceDefsOf = (crd: CustomResourceDefinition): readonly ResourceDef[] =>
  isEstablished(crd)
    ? (crd.spec.versions ?? [])
        .filter(({ served }) => served === true)
        .toSorted((a, b) => compareVersions(a.name ?? '', b.name ?? ''))
        .map((version) => resourceDefOf(crd, version))
    : []

/** One for all of its versions: for those who only list and delete. */
export const storageDefOf = (crd: CustomResourceDefinition): ResourceDef | undefined => {
  const defs = resourceDefsOf(crd)
  return defs.find(({ storage, version }) => !storage || storage.version === version) ?? defs[0]
}

export const resourceDefOf = (crd: CustomResourceDefinition, version: CrdVersion): ResourceDef => {
  const { group = '', names = {}, scope } = crd.spec
  const { kind = '', plural = '', singular = '' } = crd.status?.acceptedNames ?? names
  const { name = '', subresources = {}, additionalPrinterColumns } = version
  const schema = version.schema?.openAPIV3Schema ?? {}
  const scale = subresources.scale && scaleOf(subresources.scale)
  const hasStatus = subresources.status !== undefined
  const typeName = `${group.split('.').toReversed().join('.')}.${name}.${kind}`
  const check = valueChecker(schema)
  const storage = storedFormOf(crd, version, schema)
  const validate = (object: KubeObject): readonly FieldError[] => check(withoutMetadata(object), '')
  return {
    group,
    version: name,
    kind,
    listKind: crd.status?.acceptedNames?.listKind ?? names.listKind ?? `${kind}List`,
    plural,
    singular,
    shortNames: crd.status?.acceptedNames?.shortNames ?? [],
    categories: names.categories ?? [],
    namespaced: scope === 'Namespaced',
    // Nothing new may come while what is there is being cleared away.
    verbs: isTerminating(crd) ? allVerbs.filter((verb) => verb !== 'create') : allVerbs,
    subresources: subresourcesOf(hasStatus, scale !== undefined),
    ...(scale && { scale }),
    schema: structuralKind(schema, typeName),
    columns: columnsOf(additionalPrinterColumns),
    selectableFields: selectableOf(version),
    ...(storage && { storage }),
    requiresResourceVersionOnUpdate: true,
    plainFinalizers: true,
    applyDefaults: (object) => applySchemaDefaults(object, schema),
    prepareForCreate: (object) => {
      if (hasStatus) Reflect.deleteProperty(object, 'status')
      Object.assign(object.metadata, { generation: 1 })
    },
    prepareForUpdate: (object, old, context) => keepUnwritable(object, old, { context, hasStatus }),
    validate,
    ...(version.deprecated === true && { warnings: () => [deprecationOf(crd, version)] }),
  }
}

const subresourcesOf = (hasStatus: boolean, hasScale: boolean): readonly SubresourceDef[] => [
  ...(hasScale ? [scaleSubresource] : []),
  ...(hasStatus ? [statusSubresource] : []),
]

const deprecationOf = ({ spec }: CustomResourceDefinition, version: CrdVersion): string => {
  const { deprecationWarning, name = '' } = version
  return (
    deprecationWarning ?? `${apiVersionOf(spec.group ?? '', name)} ${spec.names?.kind ?? ''} is deprecated`
  )
}

/** What every object has is checked elsewhere, for all kinds alike. */
const withoutMetadata = (object: KubeObject): JsonValue => object as unknown as JsonValue

/** Validation has made sure that they are paths of fields. */
const scaleOf = ({
  labelSelectorPath = '',
  specReplicasPath = '',
  statusReplicasPath = '',
}: CrdScale): ScaleSpec => ({
  specReplicas: fieldsOf(specReplicasPath),
  statusReplicas: fieldsOf(statusReplicasPath),
  selector: fieldsOf(labelSelectorPath),
})

const fieldsOf = (path: string): readonly string[] =>
  (parseJsonPath(path) ?? []).flatMap((step) => (step.kind === 'field' ? [step.name] : []))

const selectableOf = ({ selectableFields = [] }: CrdVersion): NonNullable<ResourceDef['selectableFields']> =>
  Object.fromEntries(
    selectableFields.flatMap(({ jsonPath = '' }) => {
      const steps = parseJsonPath(jsonPath)
      if (!steps) return []
      const valueOf = (object: KubeObject) => {
        const [value] = findAll(object as unknown as JsonValue, steps)
        return value === undefined || value === null
          ? ''
          : typeof value === 'string'
            ? value
            : JSON.stringify(value)
      }
      return [[jsonPath.replace(/^\./, ''), valueOf]]
    }),
  )

interface Update {
  readonly context: StrategyContext
  readonly hasStatus: boolean
}

/** A write to the status changes nothing else, and one to the object leaves a status that is a subresource alone. */
function keepUnwritable(object: KubeObject, old: KubeObject, { context, hasStatus }: Update): void {
  const [present, before] = [object as unknown as Fields, old as unknown as Fields]
  if (context.subresource === 'status') {
    for (const name of new Set([...Object.keys(present), ...Object.keys(before)])) {
      if (name === 'status' || name === 'metadata') continue
      copyField(present, before, name)
    }
    const { managedFields, resourceVersion } = object.metadata
    Object.assign(present, {
      metadata: {
        ...old.metadata,
        ...(managedFields && { managedFields }),
        ...(resourceVersion !== undefined && { resourceVersion }),
      },
    })
    return
  }
  if (hasStatus) copyField(present, before, 'status')
  const { generation = 0 } = old.metadata
  const isSame = semanticEqual(wishOf(present, hasStatus), wishOf(before, hasStatus))
  Object.assign(object.metadata, { generation: isSame ? generation : generation + 1 })
}

type Fields = Record<string, JsonValue>

const copyField = (to: Fields, from: Fields, name: string): void => {
  if (from[name] === undefined) delete to[name]
  else to[name] = structuredClone(from[name])
}

/** Generation counts changes of everything but metadata and a status of its own. */
const wishOf = ({ metadata: _m, status, apiVersion: _v, ...rest }: Fields, hasStatus: boolean): unknown =>
  hasStatus ? rest : { ...rest, status }

/**
 * Conversion `None`: versions differ in their name alone. An object may have been stored when another version was the stored
 * one, and from before a default: both are put right when it is read. Without versions and defaults there is nothing to do.
 */
function storedFormOf(
  { spec }: CustomResourceDefinition,
  served: CrdVersion,
  schema: JsonSchema,
): ResourceDef['storage'] {
  const { group = '', versions = [] } = spec
  const stored = versions.find(({ storage }) => storage === true) ?? served
  const hasDefaults = someSchema(schema, (one) => one.default !== undefined)
  if (versions.length === 1 && !hasDefaults) return undefined
  const version = stored.name ?? ''
  return {
    group,
    version,
    toStorage: (object) => ({ ...object, apiVersion: apiVersionOf(group, version) }),
    fromStorage: (object) => {
      const read = { ...object, apiVersion: apiVersionOf(group, served.name ?? '') }
      if (!hasDefaults || !isJsonObject(read)) return read
      const own = structuredClone(read)
      applySchemaDefaults(own, schema)
      return own
    },
  }
}

/** `v2` before `v1` before `v1beta1` before anything else (apimachinery pkg/version/helpers.go). */
export const compareVersions = (a: string, b: string): number => {
  const [left, right] = [rankOf(a), rankOf(b)]
  if (!left || !right) return left ? -1 : right ? 1 : a < b ? -1 : Number(a > b)
  for (const [index, number] of left.entries()) {
    const difference = (right[index] ?? 0) - number
    if (difference !== 0) return difference
  }
  return 0
}

const rankOf = (version: string): readonly number[] | undefined => {
  const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version)
  if (!match) return undefined
  const stability = match[2] === undefined ? 2 : match[2] === 'beta' ? 1 : 0
  return [stability, Number(match[1]), Number(match[3] ?? 0)]
}
