/** kubernetes pkg/apis/autoscaling/validation/validation.go 39308a1 */
import { fieldError, type FieldError } from '../../field-errors.ts'
import { checkDns1123Label, checkPathSegmentName } from '../../names.ts'
import { canonicalQuantity, parseQuantity, quantityProblem } from '../../quantity.ts'
import type {
  ContainerResourceMetricSource,
  CrossVersionObjectReference,
  ExternalMetricSource,
  MetricIdentifier,
  MetricSpec,
  MetricTarget,
  ObjectMetricSource,
  PodsMetricSource,
  ResourceMetricSource,
} from '../../schema/types.gen.ts'
import { invalid } from '../../validate-meta.ts'
import { validateContainerResourceName } from '../pod/validate-resources.ts'
import type { Sent } from '../sent.ts'

type Errors = readonly FieldError[]

const types: readonly string[] = ['ContainerResource', 'External', 'Object', 'Pods', 'Resource']

const fieldByType: Readonly<Record<string, Source>> = {
  ContainerResource: 'containerResource',
  External: 'external',
  Object: 'object',
  Pods: 'pods',
  Resource: 'resource',
}

type Source = (typeof sources)[number]

/** In the order in which upstream looks at them. */
const sources = ['object', 'external', 'pods', 'resource', 'containerResource'] as const

export const validateMetric = (metric: MetricSpec, path: string): Errors => {
  const type = metric.type ?? ''
  const expected = Object.hasOwn(fieldByType, type) ? fieldByType[type] : undefined
  const errors: FieldError[] = []
  if (type === '') errors.push(fieldError.required(`${path}.type`, 'must specify a metric source type'))
  if (expected === undefined) errors.push(fieldError.notSupported(`${path}.type`, type, types))
  const present = sources.filter((name) => metric[name] !== undefined)
  const [first] = present
  if (first !== undefined) errors.push(...validateSource(metric, first, `${path}.${first}`))
  if (expected !== undefined && metric[expected] === undefined) {
    const why = 'must populate information for the given metric source'
    errors.push(fieldError.required(`${path}.${expected}`, why))
  }
  if (present.length === 1) return errors
  const why = 'must populate the given metric source only'
  return [
    ...errors,
    ...present
      .filter((name) => name !== expected)
      .map((name) => fieldError.forbidden(`${path}.${name}`, why)),
  ]
}

export const validateObjectReference = (reference: Sent<CrossVersionObjectReference>, path: string): Errors =>
  (['kind', 'name'] as const).flatMap((name) => {
    const value = reference[name] ?? ''
    const field = `${path}.${name}`
    return value === '' ? [fieldError.required(field)] : invalid(field, value, checkPathSegmentName(value))
  })

const validateSource = (metric: MetricSpec, source: Source, path: string): Errors => {
  const { containerResource, external, object, pods, resource } = metric
  switch (source) {
    case 'object':
      return object ? validateObject(object, path) : []
    case 'external':
      return external ? validateExternal(external, path) : []
    case 'pods':
      return pods ? validatePods(pods, path) : []
    case 'resource':
      return resource ? validateResource(resource, path) : []
    case 'containerResource':
      return containerResource ? validateContainerResource(containerResource, path) : []
    default:
      return source satisfies never
  }
}

const validateObject = (
  { describedObject, metric, target }: Sent<ObjectMetricSource>,
  path: string,
): Errors => [
  ...validateObjectReference(describedObject ?? {}, `${path}.describedObject`),
  ...validateIdentifier(metric ?? {}, `${path}.metric`),
  ...validateTarget(target ?? {}, `${path}.target`),
  ...(target?.value === undefined && target?.averageValue === undefined
    ? [fieldError.required(`${path}.target.averageValue`, 'must set either a target value or averageValue')]
    : []),
]

const validateExternal = ({ metric, target }: Sent<ExternalMetricSource>, path: string): Errors => {
  const { averageValue, value } = target ?? {}
  const errors: FieldError[] = [
    ...validateIdentifier(metric ?? {}, `${path}.metric`),
    ...validateTarget(target ?? {}, `${path}.target`),
  ]
  if (value === undefined && averageValue === undefined) {
    const why = 'must set either a target value for metric or a per-pod target'
    errors.push(fieldError.required(`${path}.target.averageValue`, why))
  }
  if (value !== undefined && averageValue !== undefined) {
    const why = 'may not set both a target value for metric and a per-pod target'
    errors.push(fieldError.forbidden(`${path}.target.value`, why))
  }
  return errors
}

const validatePods = ({ metric, target }: Sent<PodsMetricSource>, path: string): Errors => [
  ...validateIdentifier(metric ?? {}, `${path}.metric`),
  ...validateTarget(target ?? {}, `${path}.target`),
  ...(target?.averageValue === undefined
    ? [fieldError.required(`${path}.target.averageValue`, 'must specify a positive target averageValue')]
    : []),
]

const validateContainerResource = (
  { container = '', name = '', target }: Sent<ContainerResourceMetricSource>,
  path: string,
): Errors => [
  ...(name === ''
    ? [fieldError.required(`${path}.name`, 'must specify a resource name')]
    : validateContainerResourceName(name, `${path}.name`)),
  ...(container === ''
    ? [fieldError.required(`${path}.container`, 'must specify a container')]
    : invalid(`${path}.container`, container, checkDns1123Label(container))),
  ...validateUsage(target ?? {}, `${path}.target`),
]

const validateResource = ({ name = '', target }: Sent<ResourceMetricSource>, path: string): Errors => [
  ...(name === '' ? [fieldError.required(`${path}.name`, 'must specify a resource name')] : []),
  ...validateUsage(target ?? {}, `${path}.target`),
]

/** An amount or a share of what was requested. */
const validateUsage = (target: Sent<MetricTarget>, path: string): Errors => {
  const { averageUtilization, averageValue } = target
  const errors: FieldError[] = [...validateTarget(target, path)]
  if (averageUtilization === undefined && averageValue === undefined) {
    const why = 'must set either a target raw value or a target utilization'
    errors.push(fieldError.required(`${path}.averageUtilization`, why))
  }
  if (averageUtilization !== undefined && averageValue !== undefined) {
    const why = 'may not set both a target raw value and a target utilization'
    errors.push(fieldError.forbidden(`${path}.averageValue`, why))
  }
  return errors
}

const targetTypes: readonly string[] = ['Utilization', 'Value', 'AverageValue']

const validateTarget = (target: Sent<MetricTarget>, path: string): Errors => {
  const { averageUtilization: percent, type = '' } = target
  const errors: FieldError[] = []
  if (type === '') errors.push(fieldError.required(`${path}.type`, 'must specify a metric target type'))
  if (!targetTypes.includes(type)) {
    const why = 'must be either Utilization, Value, or AverageValue'
    errors.push(fieldError.invalid(`${path}.type`, type, why))
  }
  for (const name of ['value', 'averageValue'] as const) {
    errors.push(...validatePositive(target[name], `${path}.${name}`))
  }
  if (percent !== undefined && percent < 1) {
    errors.push(fieldError.invalid(`${path}.averageUtilization`, percent, 'must be greater than 0'))
  }
  return errors
}

const validatePositive = (text: string | undefined, field: string): Errors => {
  if (text === undefined) return []
  const problem = quantityProblem(text)
  if (problem !== undefined) return [fieldError.invalid(field, text, problem)]
  if (parseQuantity(text).nano > 0n) return []
  return [fieldError.invalid(field, canonicalQuantity(text), 'must be positive')]
}

const validateIdentifier = ({ name = '' }: Sent<MetricIdentifier>, path: string): Errors =>
  name === ''
    ? [fieldError.required(`${path}.name`, 'must specify a metric name')]
    : invalid(`${path}.name`, name, checkPathSegmentName(name))
