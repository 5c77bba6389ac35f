/**
 * How a node tells what its pods use, at `/stats/summary`: the part of kubelet's Summary that is about CPU and memory
 * (kubernetes staging/src/k8s.io/kubelet/pkg/apis/stats/v1alpha1/types.go eed236c), and the time that rates are over.
 */
export interface SummaryAmounts {
  readonly cpu: {
    readonly time: string
    /** The rate. */
    readonly usageNanoCores: number
    /** The counter. */
    readonly usageCoreNanoSeconds: number
  }
  readonly memory: { readonly time: string; readonly workingSetBytes: number; readonly rssBytes: number }
}

export interface ContainerSummary extends SummaryAmounts {
  readonly name: string
  readonly startTime: string
}

export interface PodSummary extends SummaryAmounts {
  readonly podRef: { readonly name: string; readonly namespace: string; readonly uid: string }
  /** Those that run. */
  readonly containers: readonly ContainerSummary[]
}

export interface StatsSummary {
  readonly node: SummaryAmounts & {
    readonly nodeName: string
    /** Upstream says nothing of it. */
    readonly windowSeconds: number
  }
  readonly pods: readonly PodSummary[]
}
