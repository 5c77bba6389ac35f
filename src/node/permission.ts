/**
 * What a container at level `permission` may do: Node.js's own permission model, with the package, the volumes, the pod's home and a
 * folder for temporary files. It is for containers whose program is Node.js, and for commands that are Node.js, too: what else would
 * start there would have all the rights of the agent. That is refused, with its reason.
 */
import { realpathSync } from 'node:fs'
import { basename, normalize } from 'node:path'
import semver from 'semver'
import { permissionsAnnotation } from '../api/sandbox-level.ts'
import type { Container, Pod } from '../api/schema/types.gen.ts'
import type { Prepared } from '../runtime/packages/prepared.ts'
import { readSpec } from '../runtime/process/records.ts'
import {
  isGrantable,
  permissionVersions,
  refusedNodeOption,
  refusedOption,
  refusedVariable,
} from '../runtime/process/sandbox/permission.ts'
import { RuntimeError, type Handle, type Permission } from '../runtime/runtime.ts'
import type { NodeContext } from './context.ts'
import { ContainerConfigError } from './env.ts'
import type { Mount } from './mounts.ts'
import type { PodPaths } from './pod-records.ts'
import { problemWithPlaces } from './permission-places.ts'
import { makeTemporary, packageBinds, refuseUnsafe } from './sandbox.ts'
import { noSandbox } from './sandbox-level.ts'

export interface PermissionRequest {
  readonly context: Pick<NodeContext, 'sandboxPolicy'>
  readonly pod: Pod
  readonly container: Container
  readonly paths: PodPaths
  readonly prepared: Prepared
  readonly mounts: readonly Mount[]
  readonly attempt: number
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/** With the folder for temporary files. Throws ContainerConfigError. */
export function makePermission(request: PermissionRequest): {
  readonly permission: Permission
  readonly temporary: string
} {
  const { container, mounts, paths, pod, prepared } = request
  refuseUnsafe(pod, container)
  refuseProgram(request)
  const problem = problemWithPlaces(mounts, [prepared.node.path])
  if (problem !== undefined) throw refused(problem)
  const temporary = makeTemporary(request)
  const own = [paths.home, temporary]
  const isReadOnly = container.securityContext?.readOnlyRootFilesystem === true
  const fixed = mounts.filter(({ readOnly }) => readOnly)
  const open = mounts.filter(({ readOnly }) => !readOnly)
  const permission = {
    program: prepared.node.path,
    version: prepared.node.version,
    read: granted([
      ...packageBinds(prepared).flatMap(({ path }) => [path, realpathSync(path)]),
      ...fixed.map(({ mountPath }) => mountPath),
      ...(isReadOnly ? own : []),
    ]),
    write: granted([...open.map(({ mountPath }) => mountPath), ...(isReadOnly ? [] : own)]),
    extra: extraOf(request),
  }
  return { permission, temporary }
}

const instead = 'ask for another level by the annotation sampan.dev/sandbox'

/** What could be the start of a way around the model. */
function refuseProgram({ argv, env, prepared: { node } }: PermissionRequest): void {
  const [program = '', ...words] = argv
  if (!semver.satisfies(node.version, permissionVersions))
    throw refused(`that of Node.js ${node.version} does not hold (that of ${permissionVersions} does)`)
  if (!isInterpreter(program, node.path)) throw refused(`${basename(program)} is not Node.js`)
  const option = refusedOption(words) ?? refusedNodeOption(env['NODE_OPTIONS'] ?? '')
  if (option !== undefined) throw refused(`the option ${option} of Node.js could lead around that`)
  const variable = refusedVariable(Object.keys(env))
  if (variable !== undefined) throw refused(`the variable ${variable} could lead around that`)
}

const refused = (why: string): ContainerConfigError =>
  new ContainerConfigError(
    `the container is to run under Node.js's permission model, but ${why}; leave that out, or ${instead}`,
  )

const isInterpreter = (program: string, node: string): boolean =>
  program === node || program === realpathSync(node)

function granted(paths: readonly string[]): readonly string[] {
  const all = [...new Set(paths.map((path) => normalize(path).replace(/(?<=.)\/$/, '')))]
  const wrong = all.find((path) => !isGrantable(path))
  if (wrong !== undefined) throw refused(`"${wrong}" is a path that it would take for more than that`)
  return all
}

const extras = ['addons', 'child-process', 'wasi', 'worker'] as const

/** Only where the operator lets pods do without any sandbox: each of these leads around the model. */
function extraOf({ context, pod }: PermissionRequest): Permission['extra'] {
  const text = pod.metadata.annotations?.[permissionsAnnotation] ?? ''
  const asked = text.split(',').flatMap((word) => word.trim() || [])
  const unknown = asked.find((word) => !extras.some((extra) => extra === word))
  if (unknown !== undefined)
    throw new ContainerConfigError(
      `${permissionsAnnotation} has "${unknown}"; write some of ${extras.join(', ')}`,
    )
  const { least } = context.sandboxPolicy ?? noSandbox
  if (asked.length > 0 && least !== 'none')
    throw new ContainerConfigError(
      `${permissionsAnnotation} asks for ${asked.join(', ')}, which leads around the permission model that this node wants of all its pods; leave it out, or ${instead}`,
    )
  return extras.filter((extra) => asked.includes(extra))
}

/** A command as it may be run beside the program. Throws RuntimeError. */
export async function permittedCommand(
  { stateDir }: Handle,
  argv: readonly string[],
): Promise<readonly string[]> {
  const permission = (await readSpec(stateDir))?.permission
  if (!permission) return argv
  const [program = '', ...words] = argv
  const fail = (why: string) =>
    new RuntimeError('unsupported', `the container runs under Node.js's permission model, but ${why}`)
  if (program !== 'node' && !isInterpreter(program, permission.program))
    throw fail(`${program} is not Node.js: run node, or ${instead}`)
  const option = refusedOption(words)
  if (option !== undefined) throw fail(`the option ${option} of Node.js could lead around that`)
  return [permission.program, ...words]
}
