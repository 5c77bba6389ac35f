import { fieldError, type FieldError } from '../field-errors.ts'
import type { StrategyContext } from '../resource.ts'
import type { Event, EventsEvent } from '../schema/types.gen.ts'
import { validateImmutable } from '../validate-meta.ts'
import { events } from './events.ts'
import { semanticEqual } from './semantic-equal.ts'
import { viewOf } from './view-of.ts'

/** events.k8s.io/v1: core Events under newer names, and stricter with what is created through it. */
export const eventsV1 = {
  ...viewOf<EventsEvent, Event>(events, {
    group: 'events.k8s.io',
    version: 'v1',
    typeName: 'events.v1.Event',
    toStorage: (event) => toCore(event),
    fromStorage: (event) => fromCore(event),
    selectableFields: {
      'regarding.kind': ({ regarding }) => regarding?.kind ?? '',
      'regarding.namespace': ({ regarding }) => regarding?.namespace ?? '',
      'regarding.name': ({ regarding }) => regarding?.name ?? '',
      'regarding.uid': ({ regarding }) => regarding?.uid ?? '',
      'regarding.apiVersion': ({ regarding }) => regarding?.apiVersion ?? '',
      'regarding.resourceVersion': ({ regarding }) => regarding?.resourceVersion ?? '',
      'regarding.fieldPath': ({ regarding }) => regarding?.fieldPath ?? '',
      reason: ({ reason }) => reason ?? '',
      reportingController: ({ reportingController }) => reportingController ?? '',
      type: ({ type }) => type ?? '',
    },
    validate: (event, old, context) => validateStrictly(toCore(event), old && toCore(old), context),
  }),
}

const toCore = (event: EventsEvent): Event => {
  const {
    regarding,
    note,
    deprecatedSource,
    deprecatedFirstTimestamp,
    deprecatedLastTimestamp,
    deprecatedCount,
    reportingController,
    ...same
  } = event
  return {
    ...same,
    apiVersion: 'v1',
    involvedObject: regarding ?? {},
    ...(note !== undefined && { message: note }),
    ...(deprecatedSource !== undefined && { source: deprecatedSource }),
    ...(deprecatedFirstTimestamp !== undefined && { firstTimestamp: deprecatedFirstTimestamp }),
    ...(deprecatedLastTimestamp !== undefined && { lastTimestamp: deprecatedLastTimestamp }),
    ...(deprecatedCount !== undefined && { count: deprecatedCount }),
    ...(reportingController !== undefined && { reportingComponent: reportingController }),
  }
}

const fromCore = (event: Event): EventsEvent => {
  const {
    involvedObject,
    message,
    source,
    firstTimestamp,
    lastTimestamp,
    count,
    reportingComponent = '',
    reportingInstance = '',
    eventTime,
    series,
    ...same
  } = event
  return {
    ...same,
    apiVersion: 'events.k8s.io/v1',
    // Old events have none, though the type says that every event has one.
    ...(eventTime !== undefined && { eventTime }),
    ...(series !== undefined && { series }),
    regarding: involvedObject ?? {},
    ...(message !== undefined && { note: message }),
    ...(source !== undefined && { deprecatedSource: source }),
    ...(firstTimestamp !== undefined && { deprecatedFirstTimestamp: firstTimestamp }),
    ...(lastTimestamp !== undefined && { deprecatedLastTimestamp: lastTimestamp }),
    ...(count !== undefined && { deprecatedCount: count }),
    ...(reportingComponent !== '' && { reportingController: reportingComponent }),
    ...(reportingInstance !== '' && { reportingInstance }),
  } as EventsEvent
}

/** In the words of the core Event, as upstream (kubernetes pkg/apis/core/validation/events.go 04791b4). */
const validateStrictly = (
  event: Event,
  old: Event | undefined,
  context: StrategyContext,
): readonly FieldError[] => [
  ...(events.validate?.(event, old, context) ?? []),
  ...(old === undefined ? validateNew(event) : validateChange(event, old)),
]

const types: readonly string[] = ['Normal', 'Warning']

const validateNew = (event: Event): readonly FieldError[] => {
  const { eventTime, source, type = '' } = event
  const unset = 'needs to be unset'
  const errors: FieldError[] = [...validateSeries(event)]
  if ((eventTime ?? '') === '') errors.push(fieldError.required('eventTime'))
  if (!types.includes(type)) errors.push(fieldError.invalid('type', '', `has invalid value: ${type}`))
  for (const name of ['firstTimestamp', 'lastTimestamp'] as const) {
    if ((event[name] ?? '') !== '') errors.push(fieldError.invalid(name, '', unset))
  }
  if ((event.count ?? 0) !== 0) errors.push(fieldError.invalid('count', '', unset))
  if ((source?.component ?? '') + (source?.host ?? '') !== '') {
    errors.push(fieldError.invalid('source', '', unset))
  }
  return errors
}

const validateSeries = ({ series }: Event): readonly FieldError[] => {
  if (series === undefined) return []
  const errors: FieldError[] = []
  if ((series.count ?? 0) < 2) errors.push(fieldError.invalid('series.count', '', 'should be at least 2'))
  if ((series.lastObservedTime ?? '') === '') errors.push(fieldError.required('series.lastObservedTime'))
  return errors
}

/** Only how often it happened may change; the second names a field as errors do. */
const fixedFields = [
  ['involvedObject', 'involvedObject'],
  ['reason', 'reason'],
  ['message', 'message'],
  ['source', 'source'],
  ['firstTimestamp', 'firstTimestamp'],
  ['lastTimestamp', 'lastTimestamp'],
  ['count', 'count'],
  ['type', 'type'],
  ['eventTime', 'eventTime'],
  ['action', 'action'],
  ['related', 'related'],
  ['reportingComponent', 'reportingController'],
  ['reportingInstance', 'reportingInstance'],
] as const

const validateChange = (event: Event, old: Event): readonly FieldError[] => [
  ...(semanticEqual(event.series, old.series) ? [] : validateSeries(event)),
  ...fixedFields.flatMap(([name, shown]) => validateImmutable(shown, event[name], old[name])),
]
