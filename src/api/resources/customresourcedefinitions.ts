import { cleanupFinalizer, crdGroup, type CustomResourceDefinition } from '../crd/definition.ts'
import { decodeAdditional } from '../crd/decode-additional.ts'
import { someSchema } from '../crd/json-schema.ts'
import { definitionType, schemaPropsType } from '../crd/type.ts'
import { validateDefinition } from '../crd/validate-definition.ts'
import { isTerminating } from '../meta.ts'
import type { ResourceDef } from '../resource.ts'
import { createdAtColumn, nameColumn } from './cells.ts'
import { allVerbs, keepStatus, statusSubresource } from './strategy.ts'
import { semanticEqual } from './semantic-equal.ts'

const schemaProps = schemaPropsType() // likewise made at first use

export const customResourceDefinitions: ResourceDef<CustomResourceDefinition> = {
  group: crdGroup,
  version: 'v1',
  kind: 'CustomResourceDefinition',
  listKind: 'CustomResourceDefinitionList',
  plural: 'customresourcedefinitions',
  singular: 'customresourcedefinition',
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
  namespaced: false,
  verbs: allVerbs,
  subresources: [statusSubresource],
  schema: definitionType(), // its fields are made at first use
  columns: [nameColumn(), createdAtColumn()],
  requiresResourceVersionOnUpdate: true,
  plainFinalizers: true,
  applyDefaults: ({ spec }) => {
    if (!spec) return
    const { names } = spec
    if (names?.kind !== undefined) {
      names.singular ??= names.kind.toLowerCase()
      names.listKind ??= `${names.kind}List`
    }
    spec.conversion ??= { strategy: 'None' }
    for (const { schema } of spec.versions ?? [])
      if (schema?.openAPIV3Schema) decodeAdditional(schema.openAPIV3Schema, schemaProps)
  },
  prepareForCreate: (crd) => {
    crd.metadata = { ...crd.metadata, generation: 1 }
    const stored = (crd.spec?.versions ?? []).flatMap(({ name, storage }) =>
      storage === true && name !== undefined ? [name] : [],
    )
    crd.status = { conditions: [], acceptedNames: { kind: '', plural: '' }, storedVersions: stored }
    holdBack(crd)
  },
  prepareForUpdate: (crd, old, { subresource }) => {
    if (subresource === 'status') {
      crd.spec = structuredClone(old.spec)
      const { managedFields, resourceVersion = '' } = crd.metadata
      crd.metadata = { ...old.metadata, resourceVersion, ...(managedFields && { managedFields }) }
      return
    }
    keepStatus(crd, old)
    const before = old.metadata.generation ?? 0
    const generation = semanticEqual(crd.spec, old.spec) ? before : before + 1
    crd.metadata = { ...crd.metadata, generation }
    const stored = crd.status?.storedVersions ?? []
    const now = crd.spec?.versions?.find(({ storage }) => storage === true)?.name
    if (crd.status && now !== undefined && !stored.includes(now))
      crd.status = { ...crd.status, storedVersions: [...stored, now] }
    holdBack(crd)
  },
  validate: (crd, old, { subresource }) =>
    subresource === 'status' ? [] : validateDefinition(withSpec(crd), old && withSpec(old)),
  warnings: ({ spec }) =>
    (spec?.versions ?? []).flatMap(({ name = '', schema }) => rulesWarning(name, schema?.openAPIV3Schema)),
}

/** What a client sends may lack even that. */
const withSpec = (crd: CustomResourceDefinition): CustomResourceDefinition => ({
  ...crd,
  spec: (crd.spec as CustomResourceDefinition['spec'] | undefined) ?? {},
})

/** Its objects go first: a controller deletes them, then lets it go. */
const holdBack = (crd: CustomResourceDefinition): void => {
  const { finalizers = [] } = crd.metadata
  if (isTerminating(crd) || finalizers.includes(cleanupFinalizer)) return
  crd.metadata = { ...crd.metadata, finalizers: [...finalizers, cleanupFinalizer] }
}

const rulesWarning = (version: string, schema: Parameters<typeof someSchema>[0]): readonly string[] =>
  someSchema(schema, (one) => (one['x-kubernetes-validations'] ?? []).length > 0)
    ? [`version ${version}: x-kubernetes-validations is kept but not evaluated by this server`]
    : []
