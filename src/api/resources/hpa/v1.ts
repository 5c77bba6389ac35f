import type { AutoscalingV1HorizontalPodAutoscaler, HorizontalPodAutoscaler } from '../../schema/types.gen.ts'
import { horizontalPodAutoscalers } from '../horizontalpodautoscalers.ts'
import { viewOf } from '../view-of.ts'
import { fromV2, toV2 } from './convert.ts'

/** autoscaling/v1 knows one target, processor time; the rest travels in annotations. */
export const horizontalPodAutoscalersV1 = viewOf<
  AutoscalingV1HorizontalPodAutoscaler,
  HorizontalPodAutoscaler
>(horizontalPodAutoscalers, {
  group: 'autoscaling',
  version: 'v1',
  typeName: 'autoscaling.v1.HorizontalPodAutoscaler',
  toStorage: toV2,
  fromStorage: fromV2,
})
