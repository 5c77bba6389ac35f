/** Containers of a pod (kubernetes pkg/apis/core/validation/validation.go 000f260). */
import { fieldError, type FieldError } from '../../field-errors.ts'
import { ImageError, parseImage } from '../../image.ts'
import { checkPortName } from '../../names.ts'
import { at } from '../../paths.ts'
import type { Container, ContainerPort, PodSpec } from '../../schema/types.gen.ts'
import { invalid } from '../../validate-meta.ts'
import type { Sent } from '../sent.ts'
import {
  protocols,
  validateChoice,
  validateDnsLabel,
  validateOptionalChoice,
  validatePortNumber,
} from '../validate-values.ts'
import { validateEnv, validateEnvFrom } from './validate-env.ts'
import { validateLifecycle, validateProbes } from './validate-probes.ts'
import { validateResourceRequirements } from './validate-resources.ts'
import { validateSecurityContext } from './validate-security.ts'
import { usableVolumes, validateVolumeMounts } from './validate-volumes.ts'

type Errors = readonly FieldError[]

export const validateContainers = (spec: PodSpec, path: string): Errors => {
  const containers = spec.containers ?? []
  if (containers.length === 0) return [fieldError.required(path)]
  const volumes = usableVolumes(spec.volumes)
  const names = new Set<string>()
  const errors: FieldError[] = []
  for (const [index, container] of containers.entries()) {
    const field = at(path, index)
    errors.push(...validateContainer(container, field, volumes))
    if (names.has(container.name)) errors.push(fieldError.duplicate(`${field}.name`, container.name))
    names.add(container.name)
    errors.push(...validateRunning(container, field, spec))
    if (container.restartPolicy !== undefined) {
      const why = 'may not be set for non-init containers'
      errors.push(fieldError.forbidden(`${field}.restartPolicy`, why))
    }
  }
  return [...errors, ...validateHostPorts(containers, path)]
}

export const validateInitContainers = (spec: PodSpec, path: string): Errors => {
  const volumes = usableVolumes(spec.volumes)
  const names = new Set((spec.containers ?? []).map(({ name }) => name))
  const errors: FieldError[] = []
  for (const [index, container] of (spec.initContainers ?? []).entries()) {
    const field = at(path, index)
    const name = container.name ?? ''
    const restartPolicy = container.restartPolicy
    errors.push(...validateContainer(container, field, volumes))
    errors.push(...validateOptionalChoice(restartPolicy, `${field}.restartPolicy`, ['Always']))
    if (names.has(name)) errors.push(fieldError.duplicate(`${field}.name`, name))
    else if (name !== '') names.add(name)
    // Init containers run one by one: only the ports of one container can collide.
    errors.push(...validateHostPorts([container], path))
    if (restartPolicy === 'Always') errors.push(...validateRunning(container, field, spec))
    else errors.push(...forbidRunning(container, field))
  }
  return errors
}

/** What holds for a container of any sort. */
const validateContainer = (container: Container, path: string, volumes: ReadonlySet<string>): Errors => {
  const name = container.name ?? ''
  const policy = container.terminationMessagePolicy
  return [
    ...(name === '' ? [fieldError.required(`${path}.name`)] : validateDnsLabel(name, `${path}.name`)),
    ...validateImage(container.image ?? '', `${path}.image`),
    ...validateChoice(policy, `${path}.terminationMessagePolicy`, ['File', 'FallbackToLogsOnError']),
    ...validatePorts(container.ports ?? [], `${path}.ports`),
    ...validateEnv(container.env, `${path}.env`),
    ...validateEnvFrom(container.envFrom, `${path}.envFrom`),
    ...validateVolumeMounts(container, `${path}.volumeMounts`, volumes),
    ...validateChoice(container.imagePullPolicy, `${path}.imagePullPolicy`, pullPolicies),
    ...validateResourceRequirements(container.resources ?? {}, `${path}.resources`),
    ...validateSecurityContext(container.securityContext, `${path}.securityContext`),
  ]
}

const pullPolicies: readonly string[] = ['Always', 'IfNotPresent', 'Never']
const ownScheme = /^(npm|dir|release|elf|wasm):/

/**
 * What an OCI registry understands is its own business, as upstream; a reference in one of our schemes is checked
 * here, where its author sees the answer, and not first on some node.
 */
const validateImage = (image: string, field: string): Errors => {
  if (image === '') return [fieldError.required(field)]
  if (image !== image.trim()) {
    return [fieldError.invalid(field, image, 'must not have leading or trailing whitespace')]
  }
  if (!ownScheme.test(image)) return []
  try {
    parseImage(image)
    return []
  } catch (error) {
    if (error instanceof ImageError) return [fieldError.invalid(field, image, error.message)]
    throw error
  }
}

/** What only a container that stays may have. */
const validateRunning = (container: Container, path: string, spec: PodSpec): Errors => {
  const graceSeconds = spec.terminationGracePeriodSeconds
  const hooks = container.lifecycle
  return [
    ...(hooks ? validateLifecycle(hooks, `${path}.lifecycle`, graceSeconds) : []),
    ...validateProbes(container, path),
  ]
}

const forbidRunning = (container: Container, path: string): Errors =>
  (['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const)
    .filter((name) => container[name] !== undefined)
    .map((name) =>
      fieldError.forbidden(
        `${path}.${name}`,
        'may not be set for init containers without restartPolicy=Always',
      ),
    )

const validatePorts = (ports: Sent<readonly ContainerPort[]>, path: string): Errors => {
  const names = new Set<string>()
  return ports.flatMap((port, index) => {
    const field = at(path, index)
    const { name = '', containerPort = 0, hostPort = 0 } = port
    const problems = name === '' ? [] : checkPortName(name)
    const errors: FieldError[] = [...invalid(`${field}.name`, name, problems)]
    if (name !== '' && problems.length === 0) {
      if (names.has(name)) errors.push(fieldError.duplicate(`${field}.name`, name))
      names.add(name)
    }
    if (containerPort === 0) errors.push(fieldError.required(`${field}.containerPort`))
    else errors.push(...validatePortNumber(containerPort, `${field}.containerPort`))
    if (hostPort !== 0) errors.push(...validatePortNumber(hostPort, `${field}.hostPort`))
    errors.push(...validateChoice(port.protocol, `${field}.protocol`, protocols))
    return errors
  })
}

const validateHostPorts = (containers: readonly Container[], path: string): Errors => {
  const taken = new Set<string>()
  const errors: FieldError[] = []
  for (const [index, { ports = [] }] of containers.entries()) {
    for (const [portIndex, { protocol = '', hostIP = '', hostPort = 0 }] of ports.entries()) {
      if (hostPort === 0) continue
      const key = `${protocol}/${hostIP}/${hostPort}`
      const field = `${at(`${at(path, index)}.ports`, portIndex)}.hostPort`
      if (taken.has(key)) errors.push(fieldError.duplicate(field, key))
      taken.add(key)
    }
  }
  return errors
}
