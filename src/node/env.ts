/**
 * The environment of a container, as kubelet makes it (pkg/kubelet/kubelet_pods.go makeEnvironmentVariables): service
 * links, then `envFrom`, then `env`, later ones winning. Pure: the objects it refers to come in as arguments.
 */
import type { ConfigMap, Container, EnvVar, Pod, Secret, Service } from '../api/schema/types.gen.ts'
import { epochAnnotation } from '../api/run-once.ts'
import { fieldValue, resourceValue } from './downward-api.ts'
import { apiServerEnv, networkEnv, serviceEnv, type ApiAddress } from './service-env.ts'

/** A container can't be configured yet; it is tried again. The message is upstream's. */
export class ContainerConfigError extends Error {
  override readonly name = 'ContainerConfigError'
}

export interface EnvInput {
  readonly pod: Pod
  readonly container: Container
  readonly podIP?: string
  readonly hostIP: string
  readonly allocatable: Readonly<Record<string, string>>
  readonly services: readonly Service[]
  readonly apiServer?: ApiAddress | undefined
  /** The Unix socket of the node's service network. */
  readonly networkSocket?: string | undefined
  /** Objects of the pod's namespace; `undefined` when the API says there is none. */
  readonly configMaps: ReadonlyMap<string, ConfigMap | undefined>
  readonly secrets: ReadonlyMap<string, Secret | undefined>
}

export interface EnvResult {
  readonly env: Readonly<Record<string, string>>
  /** Sentences for events: keys that can't be names of variables. */
  readonly warnings: readonly string[]
}

export function makeEnv(input: EnvInput): EnvResult {
  const { pod, container } = input
  const links = pod.spec.enableServiceLinks === false ? {} : serviceEnv(input.services)
  const { networkSocket } = input
  const epoch = pod.metadata.annotations?.[epochAnnotation]
  const own = epoch === undefined ? {} : { SAMPAN_EPOCH: epoch }
  const fixed: Readonly<Record<string, string>> = {
    ...own,
    ...links,
    ...(input.apiServer && apiServerEnv(input.apiServer)),
    ...(networkSocket !== undefined && networkEnv(networkSocket, pod.metadata.namespace ?? 'default')),
  }
  const env: Record<string, string> = {}
  const warnings: string[] = []
  for (const source of container.envFrom ?? []) {
    const from = source.configMapRef
      ? { kind: 'configMap' as const, ...source.configMapRef }
      : { kind: 'secret' as const, ...source.secretRef }
    const values = allValues(input, from)
    const skipped = Object.keys(values).filter((key) => !isVariableName(`${source.prefix ?? ''}${key}`))
    if (skipped.length > 0) {
      const keys = skipped.sort().join(', ')
      warnings.push(
        `Keys [${keys}] from the EnvFrom ${from.kind} ${pod.metadata.namespace}/${from.name} were skipped since they are considered invalid environment variable names.`,
      )
    }
    for (const [key, value] of Object.entries(values))
      if (!skipped.includes(key)) env[`${source.prefix ?? ''}${key}`] = value
  }
  for (const variable of container.env ?? []) {
    const value = variableValue(input, variable, (name) => env[name] ?? fixed[name])
    if (value !== undefined) env[variable.name] = value
  }
  return { env: { ...fixed, ...env, ...own }, warnings } // what fences a program off is not the pod's to say
}

/** `command` and `args` with their `$(VAR)` replaced. */
export const expandAll = (
  texts: readonly string[] | undefined,
  env: Readonly<Record<string, string>>,
): readonly string[] | undefined => texts?.map((text) => expand(text, (name) => env[name]))

/** Replaces `$(NAME)`; an unknown name stays as written, and `$$` is a dollar sign. */
export const expand = (text: string, valueOf: (name: string) => string | undefined): string =>
  text.replace(/\$(?:\$|\(([^)]*)\))/g, (whole, name: string | undefined) =>
    name === undefined ? '$' : (valueOf(name) ?? whole),
  )

/** Names of the ConfigMaps and Secrets that a container's environment needs. */
export function envReferences(container: Container): {
  readonly configMaps: string[]
  readonly secrets: string[]
} {
  const configMaps = new Set<string>()
  const secrets = new Set<string>()
  for (const { configMapRef, secretRef } of container.envFrom ?? []) {
    if (configMapRef?.name) configMaps.add(configMapRef.name)
    if (secretRef?.name) secrets.add(secretRef.name)
  }
  for (const { valueFrom } of container.env ?? []) {
    if (valueFrom?.configMapKeyRef?.name) configMaps.add(valueFrom.configMapKeyRef.name)
    if (valueFrom?.secretKeyRef?.name) secrets.add(valueFrom.secretKeyRef.name)
  }
  return { configMaps: [...configMaps], secrets: [...secrets] }
}

interface Reference {
  readonly kind: 'configMap' | 'secret'
  readonly name?: string
  readonly optional?: boolean
}

function allValues(input: EnvInput, { kind, name = '', optional }: Reference): Record<string, string> {
  const found = kind === 'configMap' ? configMapValues(input, name) : secretValues(input, name)
  if (found) return found
  if (optional) return {}
  throw new ContainerConfigError(`${kind.toLowerCase()} "${name}" not found`)
}

const configMapValues = (input: EnvInput, name: string): Record<string, string> | undefined => {
  const object = input.configMaps.get(name)
  return object && { ...object.data }
}

const secretValues = (input: EnvInput, name: string): Record<string, string> | undefined => {
  const object = input.secrets.get(name)
  if (!object) return undefined
  return Object.fromEntries(
    Object.entries(object.data ?? {}).map(([key, value]) => [
      key,
      Buffer.from(value, 'base64').toString('utf8'),
    ]),
  )
}

function variableValue(
  input: EnvInput,
  { value, valueFrom }: EnvVar,
  valueOf: (name: string) => string | undefined,
): string | undefined {
  if (!valueFrom) return expand(value ?? '', valueOf)
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef } = valueFrom
  if (fieldRef) return fieldValue(input, fieldRef.fieldPath)
  if (resourceFieldRef) return resourceValue(input, resourceFieldRef)
  if (configMapKeyRef) return keyValue(input, { kind: 'configMap', ...configMapKeyRef })
  if (secretKeyRef) return keyValue(input, { kind: 'secret', ...secretKeyRef })
  throw new ContainerConfigError(
    'this node knows no such source of a variable; use a ConfigMap, a Secret or a field',
  )
}

function keyValue(input: EnvInput, reference: Reference & { readonly key: string }): string | undefined {
  const values = allValues(input, reference)
  const value = Object.hasOwn(values, reference.key) ? values[reference.key] : undefined
  if (value !== undefined || reference.optional) return value
  const kind = reference.kind === 'configMap' ? 'ConfigMap' : 'Secret'
  throw new ContainerConfigError(
    `couldn't find key ${reference.key} in ${kind} ${input.pod.metadata.namespace}/${reference.name}`,
  )
}

/** Anything printable in ASCII but `=`: upstream's relaxed rule. */
const isVariableName = (name: string): boolean => /^[ -<>-~]+$/.test(name)
