import type { ResourceDef } from '../resource.ts'
import { typeNamed } from '../schema/schema.ts'
import type { PodTemplate } from '../schema/types.gen.ts'
import { containerImages, containerNames, labelsText, nameColumn } from './cells.ts'
import { applyPodTemplateDefaults } from './pod/defaults.ts'
import { validatePodTemplate } from './pod/validate-spec.ts'
import { semanticEqual } from './semantic-equal.ts'
import { allVerbs, setGeneration } from './strategy.ts'

export const podTemplates: ResourceDef<PodTemplate> = {
  group: '',
  version: 'v1',
  kind: 'PodTemplate',
  listKind: 'PodTemplateList',
  plural: 'podtemplates',
  singular: 'podtemplate',
  shortNames: [],
  categories: [],
  namespaced: true,
  verbs: allVerbs,
  subresources: [],
  get schema() {
    return typeNamed('core.v1.PodTemplate')
  },
  columns: [
    nameColumn(),
    {
      name: 'Containers',
      type: 'string',
      value: ({ template }) => containerNames(template?.spec?.containers),
    },
    { name: 'Images', type: 'string', value: ({ template }) => containerImages(template?.spec?.containers) },
    { name: 'Pod Labels', type: 'string', value: ({ template }) => labelsText(template?.metadata?.labels) },
  ],
  applyDefaults: (podTemplate) => {
    podTemplate.template ??= { spec: { containers: [] } }
    applyPodTemplateDefaults(podTemplate.template)
  },
  prepareForCreate: (podTemplate) => {
    podTemplate.metadata.generation = 1
  },
  prepareForUpdate: (podTemplate, old) =>
    setGeneration(podTemplate, old, !semanticEqual(podTemplate.template, old.template)),
  validate: ({ template }) => (template === undefined ? [] : validatePodTemplate(template, 'template')),
}
