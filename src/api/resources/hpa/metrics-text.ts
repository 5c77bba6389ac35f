/** The TARGETS column: what is measured beside what is wanted (kubernetes pkg/printers/internalversion/printers.go 144a798). */
import type { MetricSpec, MetricStatus, MetricTarget, MetricValueStatus } from '../../schema/types.gen.ts'
import { none } from '../cells.ts'

const shownMax = 2 // as many as kube-apiserver shows
const unknown = '<unknown>'

export const metricsText = (specs: readonly MetricSpec[], statuses: readonly MetricStatus[]): string => {
  if (specs.length === 0) return none
  const texts = specs.map((spec, index) => metricText(spec, statuses[index]))
  const shown = texts.slice(0, shownMax).join(', ')
  return texts.length > shownMax ? `${shown} + ${texts.length - shownMax} more...` : shown
}

const metricText = (spec: MetricSpec, status: MetricStatus | undefined): string => {
  switch (spec.type) {
    case 'Resource':
      return usageText(spec.resource, status?.resource?.current)
    case 'ContainerResource':
      return usageText(spec.containerResource, status?.containerResource?.current)
    case 'Pods':
      return `${status?.pods?.current?.averageValue ?? unknown}/${spec.pods?.target?.averageValue ?? ''}`
    case 'Object':
      return amountText(spec.object?.target, status?.object?.current)
    case 'External':
      return amountText(spec.external?.target, status?.external?.current)
    default:
      return '<unknown type>'
  }
}

interface Usage {
  readonly name: string
  readonly target?: MetricTarget
}

const usageText = (usage: Usage | undefined, current: MetricValueStatus | undefined): string => {
  const { name = '', target } = usage ?? {}
  if (target?.averageValue !== undefined) {
    return `${name}: ${current?.averageValue ?? unknown}/${target.averageValue}`
  }
  const now = current?.averageUtilization
  const wanted = target?.averageUtilization
  const shown = wanted === undefined ? '<auto>' : `${wanted}%`
  return `${name}: ${now === undefined ? unknown : `${now}%`}/${shown}`
}

const amountText = (target: MetricTarget | undefined, current: MetricValueStatus | undefined): string =>
  target?.averageValue === undefined
    ? `${current?.value ?? unknown}/${target?.value ?? ''}`
    : `${current?.averageValue ?? unknown}/${target.averageValue} (avg)`
