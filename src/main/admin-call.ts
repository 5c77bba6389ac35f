import { existsSync } from 'node:fs'
import type { Status } from '../api/status.ts'
import { TransportError } from '../client/client.ts'
import { readKubeconfig } from '../client/kubeconfig.ts'
import { httpTransport } from '../client/transport-http.ts'
import { CommandError } from './command-error.ts'
import type { DataDir } from './data-dir.ts'

/** Asks the server that runs in this data directory, as its administrator. The body is consumed by `use`. */
export async function adminCall<T>(
  dir: DataDir,
  { method, path }: { readonly method: string; readonly path: string },
  use: (body: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<T> {
  if (!existsSync(dir.kubeconfig))
    throw new CommandError(
      `${dir.root} has no kubeconfig, so no server was ever started there: choose its --data-dir`,
    )
  await using transport = httpTransport(await readKubeconfig(dir.kubeconfig))
  try {
    const response = await transport.send({ method, path, headers: {} })
    if (response.status === 200) return await use(response.body)
    const { message } = JSON.parse(await textOf(response.body)) as Status
    throw new CommandError(`the server refused (${response.status}): ${message}`)
  } catch (error) {
    if (!(error instanceof TransportError)) throw error
    throw new CommandError(
      `the server of ${dir.root} does not answer (${error.message}): start it with \`sampan up\` or \`sampan server\``,
      { cause: error },
    )
  }
}

export async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}
