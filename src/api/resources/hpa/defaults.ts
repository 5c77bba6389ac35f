/** kubernetes pkg/apis/autoscaling/v2/defaults.go 1adaa75 */
import { canonicalQuantity, quantityProblem } from '../../quantity.ts'
import type {
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerSpec,
  HPAScalingRules,
  MetricSpec,
} from '../../schema/types.gen.ts'

const defaultCpuPercent = 80

export const applyAutoscalerDefaults = (autoscaler: HorizontalPodAutoscaler): void => {
  autoscaler.spec ??= {} as HorizontalPodAutoscalerSpec // validation says what is missing in it
  const { spec } = autoscaler
  spec.minReplicas ??= 1
  if ((spec.metrics ?? []).length === 0) spec.metrics = [cpuMetric(defaultCpuPercent)]
  for (const metric of spec.metrics ?? []) canonicalizeTarget(metric)
  if (spec.behavior === undefined) return
  spec.behavior.scaleUp = withDefaults(spec.behavior.scaleUp, {
    stabilizationWindowSeconds: 0,
    policies: [
      { type: 'Pods', value: 4, periodSeconds: 15 },
      { type: 'Percent', value: 100, periodSeconds: 15 },
    ],
  })
  // How long to wait before scaling down is the controller's setting.
  spec.behavior.scaleDown = withDefaults(spec.behavior.scaleDown, {
    policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
  })
}

export const cpuMetric = (averageUtilization: number): MetricSpec => ({
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } },
})

const withDefaults = (rules: HPAScalingRules | undefined, defaults: HPAScalingRules): HPAScalingRules => ({
  ...defaults,
  selectPolicy: 'Max',
  ...rules,
})

const canonicalizeTarget = (metric: MetricSpec): void => {
  for (const source of [
    metric.resource,
    metric.containerResource,
    metric.pods,
    metric.object,
    metric.external,
  ]) {
    const target = source?.target
    for (const name of ['value', 'averageValue'] as const) {
      const text = target?.[name]
      // What isn't a quantity stays for validation to refuse.
      if (target && text !== undefined && quantityProblem(text) === undefined) {
        target[name] = canonicalQuantity(text)
      }
    }
  }
}
