import { createPrivateKey } from 'node:crypto'
import { join } from 'node:path'
import { realClock } from '../base/clock.ts'
import { realRandom } from '../base/ids.ts'
import { describeError, type Logger } from '../base/logger.ts'
import { kubeconfigText, readKubeconfig } from '../client/kubeconfig.ts'
import { createMetrics } from '../base/metrics.ts'
import { addProcessMetrics } from '../base/process-metrics.ts'
import { openAgent } from '../node/agent.ts'
import { areCustomCommandsEnabled } from '../node/command-policy.ts'
import { openPackageCache } from '../runtime/packages/cache.ts'
import type { PackageCacheOptions } from '../runtime/packages/prepared.ts'
import { parseTrust } from '../runtime/packages/trust.ts'
import { removeGroups } from '../runtime/process/cgroup.ts'
import { foldersOf } from '../runtime/process/cgroup-plan.ts'
import { findCgroups, groupsNameOf } from '../runtime/process/find-cgroups.ts'
import { createPodNetwork } from '../runtime/process/network/pod-network.ts'
import { openProcessRuntime } from '../runtime/process/process-runtime.ts'
import { CommandError } from './command-error.ts'
import { findSandbox } from '../runtime/process/sandbox/find-sandbox.ts'
import { openApiServers, type ApiServers } from './api-servers.ts'
import { endProcess, watchCertificate } from './credential-renewal.ts'
import { readDiskSettings } from './disk-settings.ts'
import { credentialOf, dataDir, writeWhole } from './data-dir.ts'
import { readPodsMax } from './pods-max.ts'
import type { ProcessRoot } from './process.ts'
import { readSandboxSettings } from './sandbox-settings.ts'

/** The agent process: runs this machine's pods. */
export const agentRoot: ProcessRoot = {
  name: 'agent',
  async start(begin, logger) {
    await using stack = new AsyncDisposableStack()
    const [clock, random] = [realClock, realRandom]
    const dir = dataDir(begin.dataDir)
    const kubeconfig = credentialOf(dir, 'agent')
    const servers = stack.use(await openApiServers({ kubeconfig, userAgent: 'sampan-agent', logger }))
    const nodeDefault = { path: process.execPath, version: process.versions.node }
    const packages = stack.use(
      await openPackageCache({
        root: join(dir.node, 'packages'),
        nodeDefault,
        clock,
        logger,
        ...packagePolicy(process.env),
      }),
    )
    const cgroups = await findCgroups({ name: groupsNameOf(dir.node), dataDir: dir.node })
    if (!cgroups.usable) logger.warn('limits of pods are not enforced', { reason: cgroups.reason })
    else stack.defer(() => removeGroups(foldersOf(cgroups.tree)))
    const sandbox = await findSandbox(join(dir.node, 'etc'))
    if (!sandbox.usable) logger.warn('there is no bubblewrap for pods', { reason: sandbox.reason })
    const settings = readSandboxSettings(process.env, sandbox)
    // Root has a packet filter instead.
    const podNetwork =
      sandbox.usable && sandbox.tools.user !== 'root' && settings.networkWall
        ? createPodNetwork(sandbox.tools.programs, clock)
        : undefined
    const podsMax = readPodsMax(process.env)
    const metrics = createMetrics()
    addProcessMetrics(metrics)
    stack.use(
      await openAgent({
        client: servers.client,
        runtime: openProcessRuntime({
          clock,
          ...(cgroups.usable && { cgroups: cgroups.tree }),
          ...(sandbox.usable && {
            sandbox: { ...sandbox.tools, ...(podNetwork && { network: podNetwork }) },
          }),
        }),
        packages,
        nodeName: begin.nodeName,
        dataDir: dir.node,
        tunnel: servers.kubeconfig,
        servers,
        ...(begin.dataListen && { dataListen: begin.dataListen }),
        metrics,
        limits: { disk: readDiskSettings(process.env), ...(podsMax !== undefined && { pods: podsMax }) },
        customCommands: areCustomCommandsEnabled(process.env),
        ...settings,
        ...(podNetwork && { podNetwork }),
        clock,
        random,
        logger,
      }),
    )
    stack.use(renewal(begin.nodeName, kubeconfig, servers, logger))
    const owned = stack.move()
    return {
      ready: { line: `agent       node ${begin.nodeName}` },
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    }
  },
}

/** What the operator of this machine allows. Throws CommandError. */
function packagePolicy(env: NodeJS.ProcessEnv): Pick<PackageCacheOptions, 'allowScripts' | 'trust'> {
  const pattern = env['TRUSTED_PACKAGE_REGEXP'] ?? ''
  const allowScripts = env['ALLOW_INSTALL_SCRIPTS'] === 'true'
  if (pattern === '') return { allowScripts }
  try {
    return { allowScripts, trust: parseTrust(pattern) }
  } catch (cause) {
    throw new CommandError(
      `TRUSTED_PACKAGE_REGEXP is no regular expression: ${describeError(cause)}; it is matched against NAME@VERSION, for example ^@ours/`,
      { cause },
    )
  }
}

function renewal(
  nodeName: string,
  file: string,
  { client, kubeconfig }: ApiServers,
  logger: Logger,
): AsyncDisposable {
  const { ca = '', cert = '', key = '', server } = kubeconfig
  return watchCertificate({
    certificate: cert,
    present: async () => (await readKubeconfig(file)).cert ?? '',
    renew: async (signal) => {
      const { requestCertificate } = await import('../node/join.ts')
      const renewed = await requestCertificate({
        client,
        nodeName,
        key: createPrivateKey(key),
        onWaiting: (name) => logger.warn('the request for a new certificate waits for approval', { name }),
        clock: realClock,
        random: realRandom,
        signal,
      })
      writeWhole(file, kubeconfigText({ server, ca, cert: renewed, key, user: `system:node:${nodeName}` }))
    },
    onRenewed: endProcess,
    clock: realClock,
    logger,
  })
}
