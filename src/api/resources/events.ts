import { ageOf } from '../duration.ts'
import { fieldError, type FieldError } from '../field-errors.ts'
import { checkPathSegmentName, checkQualifiedName } from '../names.ts'
import type { ResourceDef } from '../resource.ts'
import { typeNamed } from '../schema/schema.ts'
import type { Event } from '../schema/types.gen.ts'
import { invalid } from '../validate-meta.ts'
import { allVerbs } from './strategy.ts'

/** Like kube-apiserver's `--event-ttl`: events tell of the recent past, nothing depends on them. */
const ttlMs = 60 * 60 * 1000

export const events: ResourceDef<Event> = {
  group: '',
  version: 'v1',
  kind: 'Event',
  listKind: 'EventList',
  plural: 'events',
  singular: 'event',
  shortNames: ['ev'],
  categories: [],
  namespaced: true,
  verbs: allVerbs,
  subresources: [],
  get schema() {
    return typeNamed('core.v1.Event')
  },
  columns: [
    { name: 'Last Seen', type: 'string', value: (event, nowMs) => lastSeen(event, nowMs) },
    { name: 'Type', type: 'string', value: ({ type }) => type ?? '' },
    { name: 'Reason', type: 'string', value: ({ reason }) => reason ?? '' },
    { name: 'Object', type: 'string', value: (event) => subject(event) },
    {
      name: 'Subobject',
      type: 'string',
      priority: 1,
      value: ({ involvedObject }) => involvedObject?.fieldPath ?? '',
    },
    { name: 'Source', type: 'string', priority: 1, value: (event) => sourceText(event) },
    { name: 'Message', type: 'string', value: ({ message }) => (message ?? '').trim() },
    { name: 'First Seen', type: 'string', priority: 1, value: (event, nowMs) => firstSeen(event, nowMs) },
    // An event of the newer API that happened once has no count.
    {
      name: 'Count',
      type: 'string',
      priority: 1,
      value: ({ series, count }) => (series ? (series.count ?? 0) : count || 1),
    },
    {
      name: 'Name',
      type: 'string',
      format: 'name',
      priority: 1,
      value: ({ metadata }) => metadata.name ?? '',
    },
  ],
  selectableFields: {
    'involvedObject.kind': ({ involvedObject }) => involvedObject?.kind ?? '',
    'involvedObject.namespace': ({ involvedObject }) => involvedObject?.namespace ?? '',
    'involvedObject.name': ({ involvedObject }) => involvedObject?.name ?? '',
    'involvedObject.uid': ({ involvedObject }) => involvedObject?.uid ?? '',
    'involvedObject.apiVersion': ({ involvedObject }) => involvedObject?.apiVersion ?? '',
    'involvedObject.resourceVersion': ({ involvedObject }) => involvedObject?.resourceVersion ?? '',
    'involvedObject.fieldPath': ({ involvedObject }) => involvedObject?.fieldPath ?? '',
    reason: ({ reason }) => reason ?? '',
    reportingComponent: ({ reportingComponent }) => reportingComponent ?? '',
    source: ({ source, reportingComponent }) => source?.component || reportingComponent || '',
    type: ({ type }) => type ?? '',
  },
  ttlMs,
  createOnUpdate: true,
  validateName: checkPathSegmentName,
  applyDefaults: (event) => {
    event.involvedObject ??= {}
    event.source ??= {}
    // Without omitempty upstream: clients find these two in every event.
    event.reportingComponent ??= ''
    event.reportingInstance ??= ''
  },
  validate: (event) => validateEvent(event),
}

const firstSeen = ({ firstTimestamp, eventTime }: Event, nowMs: number): string =>
  ageOf(firstTimestamp || eventTime, nowMs)

const lastSeen = (event: Event, nowMs: number): string => {
  if (event.series) return ageOf(event.series.lastObservedTime, nowMs)
  return (event.lastTimestamp ?? '') === '' ? firstSeen(event, nowMs) : ageOf(event.lastTimestamp, nowMs)
}

const subject = ({ involvedObject: { kind = '', name = '' } }: Event): string =>
  name === '' ? kind.toLowerCase() : `${kind.toLowerCase()}/${name}`

const sourceText = ({ source, reportingComponent, reportingInstance }: Event): string => {
  const instance = source?.host || reportingInstance || ''
  const component = source?.component || reportingComponent || ''
  return instance === '' ? component : `${component}, ${instance}`
}

const wordLengthMax = 128
const messageLengthMax = 1024

/** kubernetes pkg/apis/core/validation/events.go: an event with `eventTime` is held to the rules of the newer API. */
const validateEvent = (event: Event): readonly FieldError[] => {
  const namespace = event.metadata.namespace ?? ''
  const about = event.involvedObject.namespace ?? ''
  const isNew = (event.eventTime ?? '') !== ''
  // An event about something that is in no namespace lives in `default` (or, a new one, in `kube-system`).
  const isHome = namespace === 'default' || (isNew ? namespace === 'kube-system' : namespace === '')
  const isMatch = about === '' ? isHome : namespace === about
  const errors: FieldError[] = isMatch
    ? []
    : [fieldError.invalid('involvedObject.namespace', about, 'does not match event.namespace')]
  if (!isNew) return errors
  const component = event.reportingComponent ?? ''
  if (component === '') errors.push(fieldError.required('reportingComponent'))
  errors.push(...invalid('reportingComponent', component, checkQualifiedName(component)))
  for (const name of ['reportingInstance', 'action', 'reason'] as const) {
    const value = event[name] ?? ''
    const why = `can have at most ${wordLengthMax} characters`
    if (value === '') errors.push(fieldError.required(name))
    if (value.length > wordLengthMax) errors.push(fieldError.invalid(name, value, why))
  }
  const message = event.message ?? ''
  if (message.length <= messageLengthMax) return errors
  return [
    ...errors,
    fieldError.invalid('message', message, `can have at most ${messageLengthMax} characters`),
  ]
}
