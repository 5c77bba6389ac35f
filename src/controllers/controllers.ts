/**
 * The controllers: each watches objects, compares what is wished for with what is, and acts through the API alone.
 * They can be pointed at any Kubernetes API server. `controllers` is the list; each file holds one and its pure plan.
 * Killed at any instruction and started again, they go on where the objects stand.
 */
import type { ResourceDef } from '../api/resource.ts'
import type { Clock } from '../base/clock.ts'
import { runController, type ControllerSpec, type LoopContext } from '../client/controller.ts'
import { certificateRequestController, type CertificateSigner } from './certificate-requests.ts'
import { clusterRoleAggregationController } from './cluster-role-aggregation.ts'
import { withCustomResources } from './crd-resources.ts'
import { crdController } from './crd.ts'
import { defaultStorageClassController } from './default-storage-class.ts'
import { deploymentController } from './deployment/deployment.ts'
import { endpointSliceController } from './endpoint-slice.ts'
import { endpointsController } from './endpoints.ts'
import { runGarbageCollector } from './garbage.ts'
import { namespaceController } from './namespace.ts'
import { nodeLifecycleController } from './node-lifecycle.ts'
import { replicaSetController } from './replica-set.ts'
import { resourceQuotaController } from './resource-quota.ts'
import { runRootCertificates } from './root-certificate.ts'
import { serviceAccountController } from './service-accounts.ts'
import { volumeClaimController } from './volume-claims.ts'
import { volumeController } from './volumes.ts'

export const controllers = (resources: readonly ResourceDef[], clock: Clock): readonly ControllerSpec[] => [
  deploymentController,
  replicaSetController,
  endpointSliceController,
  endpointsController,
  namespaceController(resources),
  crdController,
  nodeLifecycleController(clock),
  serviceAccountController,
  clusterRoleAggregationController,
  resourceQuotaController(resources),
  defaultStorageClassController,
  volumeClaimController,
  volumeController,
]

export interface ControllerOptions extends LoopContext {
  /** PEM of the cluster's CA, published in every namespace. Without it pods are told none. */
  readonly rootCertificate?: string
  /** Without it nobody gets a certificate by asking. */
  readonly signer?: CertificateSigner
}

/** Runs them all until `signal` aborts; resolves when the work in hand is finished. */
export async function runControllers(
  resources: readonly ResourceDef[],
  { rootCertificate, signer, ...context }: ControllerOptions,
  signal: AbortSignal,
): Promise<void> {
  const specs = [
    ...controllers(resources, context.clock),
    ...(signer ? [certificateRequestController(signer)] : []),
  ]
  await Promise.all([
    ...specs.map((spec) => runController(spec, context, signal)),
    withCustomResources(resources, context, signal, (all, until) => runGarbageCollector(all, context, until)),
    rootCertificate === undefined ? undefined : runRootCertificates(rootCertificate, context, signal),
  ])
}
