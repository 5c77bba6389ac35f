/** The parts of Kubernetes objects that routing reads. Structural: objects of an informer fit as they are. */
export interface ObjectMeta {
  readonly name?: string
  readonly namespace?: string
  readonly creationTimestamp?: string
  readonly labels?: Readonly<Record<string, string>>
}

/** networking.k8s.io/v1 */
export interface Ingress {
  readonly metadata: ObjectMeta
  readonly spec?: {
    readonly defaultBackend?: IngressBackend
    readonly rules?: readonly IngressRule[]
  }
}

export interface IngressRule {
  readonly host?: string
  readonly http?: { readonly paths: readonly IngressPath[] }
}

export interface IngressPath {
  readonly path?: string
  readonly pathType?: string
  readonly backend: IngressBackend
}

export interface IngressBackend {
  readonly service?: {
    readonly name: string
    readonly port?: { readonly name?: string; readonly number?: number }
  }
}

/** v1 */
export interface Service {
  readonly metadata: ObjectMeta
  readonly spec?: { readonly ports?: readonly { readonly name?: string; readonly port: number }[] }
}

/** discovery.k8s.io/v1 */
export interface EndpointSlice {
  readonly metadata: ObjectMeta
  readonly addressType?: string
  readonly endpoints?: readonly SliceEndpoint[] | null
  readonly ports?: readonly { readonly name?: string; readonly port?: number }[] | null
}

export interface SliceEndpoint {
  readonly addresses: readonly string[]
  readonly nodeName?: string
  /** An absent `ready` counts as true, an absent `serving` as `ready`, an absent `terminating` as false. */
  readonly conditions?: {
    readonly ready?: boolean
    readonly serving?: boolean
    readonly terminating?: boolean
  }
}
