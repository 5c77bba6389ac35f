/**
 * Where a node runs only packages that it trusts, a pod's spec must not bring a program of its own: neither as a command, nor in a
 * probe or hook, nor by variables that make Node.js or the system's loader run something before the package.
 */
import type { Container } from '../api/schema/types.gen.ts'
import { ContainerConfigError } from './env.ts'

/** Variables that load code, or that choose where programs and modules are found. */
const loading =
  /^(NODE_OPTIONS|NODE_PATH|NODE_REPL_EXTERNAL_MODULE|PATH|BASH_ENV|ENV|LD_.*|OPENSSL_CONF|OPENSSL_MODULES)$/

/** `env`: what the container is given by its spec. Throws ContainerConfigError. */
export function checkCustomCommand(container: Container, env: Readonly<Record<string, string>>): void {
  const why = customCommandOf(container, env)
  if (why === undefined) return
  throw new ContainerConfigError(
    `${why}, and this node runs packages by their own entry only; leave it out, or set ENABLE_CUSTOM_COMMAND=true where the node's agent starts`,
  )
}

function customCommandOf(
  { command, lifecycle, livenessProbe, readinessProbe, startupProbe }: Container,
  env: Readonly<Record<string, string>>,
): string | undefined {
  if (command && command.length > 0) return 'the container has a command of its own'
  if ([livenessProbe, readinessProbe, startupProbe].some((probe) => probe?.exec))
    return 'the container has a probe that runs a command'
  if ([lifecycle?.postStart, lifecycle?.preStop].some((hook) => hook?.exec))
    return 'the container has a hook that runs a command'
  const variable = Object.keys(env).find((name) => loading.test(name))
  return variable === undefined ? undefined : `the container sets ${variable}, which can load other code`
}

/**
 * ENABLE_CUSTOM_COMMAND; where nothing is said, commands are free as in Kubernetes, unless the node is particular about packages:
 * any command would get around that.
 */
export function areCustomCommandsEnabled(env: Readonly<Record<string, string | undefined>>): boolean {
  const said = env['ENABLE_CUSTOM_COMMAND']?.toLowerCase()
  if (said === undefined || said === '') return !env['TRUSTED_PACKAGE_REGEXP']
  return said === 'true' || said === '1'
}
