/**
 * A CustomResourceDefinition as a client sends it, apiextensions.k8s.io/v1. Everything may be missing before validation has
 * said otherwise; `type.ts` has the same shape for the decoder.
 */
import type { ObjectMeta } from '../meta.ts'
import type { JsonSchema } from './json-schema.ts'

export interface CustomResourceDefinition {
  readonly apiVersion: string
  readonly kind: string
  metadata: ObjectMeta
  spec: CrdSpec
  status?: CrdStatus
}

export interface CrdSpec {
  group?: string
  names?: CrdNames
  scope?: string
  versions?: CrdVersion[]
  conversion?: { strategy?: string; webhook?: unknown }
  preserveUnknownFields?: boolean
}

export interface CrdNames {
  plural?: string
  singular?: string
  kind?: string
  listKind?: string
  shortNames?: string[]
  categories?: string[]
}

export interface CrdVersion {
  readonly name?: string
  readonly served?: boolean
  readonly storage?: boolean
  readonly deprecated?: boolean
  readonly deprecationWarning?: string
  readonly schema?: { readonly openAPIV3Schema?: JsonSchema }
  readonly subresources?: { readonly status?: object; readonly scale?: CrdScale }
  readonly additionalPrinterColumns?: readonly CrdColumn[]
  readonly selectableFields?: readonly { readonly jsonPath?: string }[]
}

export interface CrdScale {
  readonly specReplicasPath?: string
  readonly statusReplicasPath?: string
  readonly labelSelectorPath?: string
}

export interface CrdColumn {
  readonly name?: string
  readonly type?: string
  readonly format?: string
  readonly description?: string
  readonly priority?: number
  readonly jsonPath?: string
}

export interface CrdStatus {
  conditions?: readonly CrdCondition[]
  acceptedNames?: CrdNames
  storedVersions?: readonly string[]
  observedGeneration?: number
}

export interface CrdCondition {
  readonly type: string
  readonly status: string
  readonly lastTransitionTime?: string
  readonly reason?: string
  readonly message?: string
  readonly observedGeneration?: number
}

export const crdGroup = 'apiextensions.k8s.io'

/** Holds a definition until its objects are gone. */
export const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io'
