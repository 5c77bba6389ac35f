/** Kinds that are questions: they can be created, which answers them, and nothing of them is kept. */
import type { ResourceDef } from '../resource.ts'
import { typeNamed } from '../schema/schema.ts'

const review = (
  group: 'authentication' | 'authorization',
  kind: string,
  { namespaced }: { readonly namespaced: boolean } = { namespaced: false },
): ResourceDef => ({
  group: `${group}.k8s.io`,
  version: 'v1',
  kind,
  listKind: `${kind}List`,
  plural: `${kind.toLowerCase()}s`,
  singular: kind.toLowerCase(),
  shortNames: [],
  categories: [],
  namespaced,
  verbs: ['create'],
  subresources: [],
  get schema() {
    return typeNamed(`${group}.v1.${kind}`)
  },
  columns: [],
})

export const authenticationReviews: readonly ResourceDef[] = [
  review('authentication', 'SelfSubjectReview'),
  review('authentication', 'TokenReview'),
]

export const authorizationReviews: readonly ResourceDef[] = [
  review('authorization', 'LocalSubjectAccessReview', { namespaced: true }),
  review('authorization', 'SelfSubjectAccessReview'),
  review('authorization', 'SelfSubjectRulesReview'),
  review('authorization', 'SubjectAccessReview'),
]
