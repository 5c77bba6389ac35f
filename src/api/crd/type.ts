/** The type of CustomResourceDefinition itself, for decoding, apply and OpenAPI. JSONSchemaProps holds itself. */
import { typeNamed, type FieldDef, type TypeDef } from '../schema/schema.ts'
import { anything, double, field, flag, int32, int64, listOf, objectOf, text } from './type-builder.ts'

const prefix = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1'

const texts = (names: string): FieldDef[] => names.split(' ').map((name) => field(name, text))
const flags = (names: string): FieldDef[] => names.split(' ').map((name) => field(name, flag))

/** Made at each call: keep what it yields. */
export const definitionType = (): TypeDef => {
  const schemaProps = schemaPropsType()
  return objectOf(
    () => [
      ...texts('apiVersion kind'),
      field('metadata', typeNamed('meta.v1.ObjectMeta')),
      field('spec', specType(schemaProps), true),
      field('status', statusType()),
    ],
    { name: `${prefix}.CustomResourceDefinition`, isKind: true },
  )
}

const specType = (schemaProps: TypeDef): TypeDef =>
  objectOf(
    () => [
      field('conversion', conversionType()),
      field('group', text, true),
      field('names', namesType(), true),
      field('preserveUnknownFields', flag),
      field('scope', text, true),
      field('versions', listOf(versionType(schemaProps)), true),
    ],
    { name: `${prefix}.CustomResourceDefinitionSpec` },
  )

const namesType = (): TypeDef =>
  objectOf(
    () => [
      field('categories', listOf(text)),
      field('kind', text, true),
      field('listKind', text),
      field('plural', text, true),
      field('shortNames', listOf(text)),
      field('singular', text),
    ],
    { name: `${prefix}.CustomResourceDefinitionNames` },
  )

const conversionType = (): TypeDef =>
  objectOf(() => [field('strategy', text, true), field('webhook', anything)], {
    name: `${prefix}.CustomResourceConversion`,
  })

const versionType = (schemaProps: TypeDef): TypeDef => {
  const column = objectOf(
    () => [
      ...texts('description format'),
      field('jsonPath', text, true),
      field('name', text, true),
      field('priority', int32),
      field('type', text, true),
    ],
    { name: `${prefix}.CustomResourceColumnDefinition` },
  )
  const scale = objectOf(
    () => [
      field('labelSelectorPath', text),
      field('specReplicasPath', text, true),
      field('statusReplicasPath', text, true),
    ],
    { name: `${prefix}.CustomResourceSubresourceScale` },
  )
  const status = objectOf(() => [], { name: `${prefix}.CustomResourceSubresourceStatus` })
  const subresources = objectOf(() => [field('scale', scale), field('status', status)], {
    name: `${prefix}.CustomResourceSubresources`,
  })
  const validation = objectOf(() => [field('openAPIV3Schema', schemaProps)], {
    name: `${prefix}.CustomResourceValidation`,
  })
  const selectable = objectOf(() => [field('jsonPath', text, true)], { name: `${prefix}.SelectableField` })
  return objectOf(
    () => [
      field('additionalPrinterColumns', listOf(column)),
      field('deprecated', flag),
      field('deprecationWarning', text),
      field('name', text, true),
      field('schema', validation),
      field('selectableFields', listOf(selectable)),
      field('served', flag, true),
      field('storage', flag, true),
      field('subresources', subresources),
    ],
    { name: `${prefix}.CustomResourceDefinitionVersion` },
  )
}

const statusType = (): TypeDef => {
  const condition = objectOf(
    () => [
      field('lastTransitionTime', { kind: 'time' }),
      field('message', text),
      field('observedGeneration', int64),
      field('reason', text),
      field('status', text, true),
      field('type', text, true),
    ],
    { name: `${prefix}.CustomResourceDefinitionCondition` },
  )
  return objectOf(
    () => [
      field('acceptedNames', namesType()),
      field('conditions', listOf(condition, { listType: 'map', keys: ['type'] })),
      field('observedGeneration', int64),
      field('storedVersions', listOf(text)),
    ],
    { name: `${prefix}.CustomResourceDefinitionStatus` },
  )
}

/** `$ref` and its like are known, so that validation can say why they are refused. */
export const schemaPropsType = (): TypeDef => {
  const several = () => listOf(self)
  const named = () => ({ kind: 'map', values: self, atomic: false }) as const
  const self: TypeDef = objectOf(
    () => [
      ...texts('$ref $schema description format id pattern title type'),
      ...flags('exclusiveMaximum exclusiveMinimum nullable uniqueItems'),
      ...flags(
        'x-kubernetes-embedded-resource x-kubernetes-int-or-string x-kubernetes-preserve-unknown-fields',
      ),
      ...texts('x-kubernetes-list-type x-kubernetes-map-type'),
      ...['maximum', 'minimum', 'multipleOf'].map((name) => field(name, double)),
      ...['maxItems', 'maxLength', 'maxProperties', 'minItems', 'minLength', 'minProperties'].map((name) =>
        field(name, int64),
      ),
      ...['allOf', 'anyOf', 'oneOf'].map((name) => field(name, several())),
      // Schemas or booleans, and any JSON: what is in them is validated, not pruned.
      ...['additionalItems', 'additionalProperties', 'default', 'dependencies', 'example'].map((name) =>
        field(name, anything),
      ),
      ...['definitions', 'patternProperties', 'properties'].map((name) => field(name, named())),
      field('enum', listOf(anything)),
      field('externalDocs', anything),
      field('items', self),
      field('not', self),
      field('required', listOf(text)),
      field('x-kubernetes-list-map-keys', listOf(text)),
      field('x-kubernetes-validations', listOf(anything)),
    ],
    { name: `${prefix}.JSONSchemaProps` },
  )
  return self
}
