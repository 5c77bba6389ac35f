import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { realClock } from '../base/clock.ts'
import { http } from '../base/node-http.ts'
import type { KubeObject } from '../api/meta.ts'
import type { Deployment, Ingress, Service } from '../api/schema/types.gen.ts'
import { deployments } from '../api/resources/deployments.ts'
import { ingresses } from '../api/resources/ingresses.ts'
import { services } from '../api/resources/services.ts'
import { isAlreadyExists } from '../api/status.ts'
import type { Client, ResourceRef } from '../client/client.ts'
import { readKubeconfig } from '../client/kubeconfig.ts'
import { restClient } from '../client/rest-client.ts'
import { httpTransport } from '../client/transport-http.ts'
import { CommandError } from './command-error.ts'
import type { DataDir } from './data-dir.ts'
import { formatListen, type ListenAddress } from './listen-address.ts'

const answerWithinMs = 30_000
const folder = join(import.meta.dirname, '..', '..', 'examples', 'hello')
const name = 'hello'

/** Deploys `examples/hello` unless it is there, waits until its URL answers, and says where that is. */
export async function deployExample(
  dir: DataDir,
  gateway: ListenAddress,
  print: (line: string) => void,
): Promise<void> {
  if (!existsSync(folder))
    throw new CommandError(`${folder} is not there: --example works in a checkout of Sampan`)
  await using transport = httpTransport(await readKubeconfig(dir.kubeconfig))
  const client = restClient(transport, 'sampan-up')
  await createOnce<Deployment>(client, deployments, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'default', labels: { app: name } },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          containers: [
            {
              name,
              image: `dir:${folder}`,
              ports: [{ containerPort: 3000 }],
              readinessProbe: { httpGet: { path: '/', port: 3000 }, periodSeconds: 1 },
            },
          ],
        },
      },
    },
  })
  await createOnce<Service>(client, services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default' },
    spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 3000 }] },
  })
  const backend = { service: { name, port: { number: 80 } } }
  await createOnce<Ingress>(client, ingresses, {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name, namespace: 'default' },
    spec: { rules: [{ http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }] },
  })
  await answers(gateway)
  print(`app         http://${formatListen(gateway)}/`)
}

async function createOnce<T extends KubeObject>(
  client: Client,
  resource: ResourceRef,
  object: T,
): Promise<void> {
  try {
    await client.resource<T>(resource).create(object)
  } catch (error) {
    if (!isAlreadyExists(error)) throw error
  }
}

async function answers(address: ListenAddress): Promise<void> {
  const deadlineMs = realClock.monotonicMs() + answerWithinMs
  for (;;) {
    const status = await statusOf(address)
    if (status === 200) return
    if (realClock.monotonicMs() > deadlineMs) {
      throw new CommandError(
        `examples/hello does not answer (${status || 'no connection'}): \`kubectl describe pods -l app=${name}\` says why`,
      )
    }
    await realClock.sleep(25)
  }
}

const statusOf = ({ host, port }: ListenAddress) =>
  new Promise<number>((resolve) => {
    const outgoing = http.request({ host, port, path: '/', agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    outgoing.on('error', () => resolve(0))
    outgoing.end()
  })
