/**
 * One metric in the words of autoscaling/v1 and v2. v1's form is seen in annotations only, so it has no generated type;
 * what a client wrote there may lack anything (k8s.io/api autoscaling/v1/types.go).
 */
import { isJsonObject, type JsonObject } from '../../json.ts'
import type { MetricSpec, MetricStatus, MetricTarget, MetricValueStatus } from '../../schema/types.gen.ts'

type Fields = Readonly<Record<string, unknown>>

export const specToV1 = (spec: MetricSpec): JsonObject => {
  const { containerResource, external, object, pods, resource } = spec
  return compact({
    type: spec.type,
    object:
      object &&
      compact({
        target: object.describedObject,
        metricName: object.metric?.name,
        targetValue: object.target?.value ?? '0',
        selector: object.metric?.selector,
        averageValue: object.target?.averageValue,
      }),
    pods:
      pods &&
      compact({
        metricName: pods.metric?.name,
        targetAverageValue: pods.target?.averageValue,
        selector: pods.metric?.selector,
      }),
    resource: resource && compact({ name: resource.name, ...usageTarget(resource.target) }),
    containerResource:
      containerResource &&
      compact({
        name: containerResource.name,
        ...usageTarget(containerResource.target),
        container: containerResource.container,
      }),
    external:
      external &&
      compact({
        metricName: external.metric?.name,
        metricSelector: external.metric?.selector,
        targetValue: external.target?.value,
        targetAverageValue: external.target?.averageValue,
      }),
  })
}

export const specFromV1 = (spec: JsonObject): MetricSpec => {
  const { containerResource, external, object, pods, resource } = sourcesOf(spec)
  return compact({
    type: spec['type'] ?? '',
    object:
      object &&
      compact({
        describedObject: object['target'] ?? {},
        metric: identifier(object['metricName'], object['selector']),
        target: amountTarget(
          // v1 has to say a value; beside an average it means nothing.
          object['averageValue'] === undefined ? object['targetValue'] : undefined,
          object['averageValue'],
        ),
      }),
    pods:
      pods &&
      compact({
        metric: identifier(pods['metricName'], pods['selector']),
        target: amountTarget(undefined, pods['targetAverageValue']),
      }),
    resource: resource && compact({ name: resource['name'] ?? '', target: usage(resource) }),
    containerResource:
      containerResource &&
      compact({
        name: containerResource['name'] ?? '',
        target: usage(containerResource),
        container: containerResource['container'] ?? '',
      }),
    external:
      external &&
      compact({
        metric: identifier(external['metricName'], external['metricSelector']),
        target: amountTarget(external['targetValue'], external['targetAverageValue']),
      }),
  }) as unknown as MetricSpec
}

export const statusToV1 = (status: MetricStatus): JsonObject => {
  const { containerResource, external, object, pods, resource } = status
  return compact({
    type: status.type,
    object:
      object &&
      compact({
        target: object.describedObject,
        metricName: object.metric?.name,
        currentValue: object.current?.value ?? '0',
        selector: object.metric?.selector,
        averageValue: object.current?.averageValue,
      }),
    pods:
      pods &&
      compact({
        metricName: pods.metric?.name,
        currentAverageValue: pods.current?.averageValue ?? '0',
        selector: pods.metric?.selector,
      }),
    resource: resource && compact({ name: resource.name, ...usageNow(resource.current) }),
    containerResource:
      containerResource &&
      compact({
        name: containerResource.name,
        ...usageNow(containerResource.current),
        container: containerResource.container,
      }),
    external:
      external &&
      compact({
        metricName: external.metric?.name,
        metricSelector: external.metric?.selector,
        currentValue: external.current?.value ?? '0',
        currentAverageValue: external.current?.averageValue,
      }),
  })
}

export const statusFromV1 = (status: JsonObject): MetricStatus => {
  const { containerResource, external, object, pods, resource } = sourcesOf(status)
  return compact({
    type: status['type'] ?? '',
    object:
      object &&
      compact({
        describedObject: object['target'] ?? {},
        metric: identifier(object['metricName'], object['selector']),
        current: compact({ value: object['currentValue'], averageValue: object['averageValue'] }),
      }),
    pods:
      pods &&
      compact({
        metric: identifier(pods['metricName'], pods['selector']),
        current: compact({ averageValue: pods['currentAverageValue'] }),
      }),
    resource: resource && compact({ name: resource['name'] ?? '', current: usedNow(resource) }),
    containerResource:
      containerResource &&
      compact({
        name: containerResource['name'] ?? '',
        current: usedNow(containerResource),
        container: containerResource['container'] ?? '',
      }),
    external:
      external &&
      compact({
        metric: identifier(external['metricName'], external['metricSelector']),
        current: compact({ value: external['currentValue'], averageValue: external['currentAverageValue'] }),
      }),
  }) as unknown as MetricStatus
}

const sourceNames = ['object', 'pods', 'resource', 'containerResource', 'external'] as const

const sourcesOf = (metric: JsonObject): { [Name in (typeof sourceNames)[number]]?: JsonObject } =>
  Object.fromEntries(
    sourceNames.map((name) => [name, metric[name]] as const).filter(([, source]) => isJsonObject(source)),
  )

/** Without the fields that have nothing. */
const compact = (fields: Fields): JsonObject =>
  Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== null),
  ) as JsonObject

const identifier = (name: unknown, selector: unknown): JsonObject => compact({ name: name ?? '', selector })

const usageTarget = (target: MetricTarget | undefined): Fields => ({
  targetAverageUtilization: target?.averageUtilization,
  targetAverageValue: target?.averageValue,
})

const usage = (source: JsonObject): JsonObject =>
  compact({
    type: source['targetAverageUtilization'] === undefined ? 'AverageValue' : 'Utilization',
    averageUtilization: source['targetAverageUtilization'],
    averageValue: source['targetAverageValue'],
  })

const usageNow = (current: MetricValueStatus | undefined): Fields => ({
  currentAverageUtilization: current?.averageUtilization,
  currentAverageValue: current?.averageValue ?? '0',
})

const usedNow = (source: JsonObject): JsonObject =>
  compact({
    averageUtilization: source['currentAverageUtilization'],
    averageValue: source['currentAverageValue'],
  })

const amountTarget = (value: unknown, averageValue: unknown): JsonObject =>
  compact({ type: averageValue === undefined ? 'Value' : 'AverageValue', value, averageValue })
