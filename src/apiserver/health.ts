/** `/healthz`, `/livez` and `/readyz`, with upstream's texts: probes and people read them. */
import type { ApiResponse } from './http.ts'
import { textResponse } from './respond.ts'

export interface HealthCheck {
  readonly name: string
  /** Rejects with the reason when it fails. */
  readonly check: () => Promise<void>
}

export interface HealthChecks {
  readonly livez: readonly HealthCheck[]
  readonly readyz: readonly HealthCheck[]
}

/** `path` is `/readyz` or `/readyz/CHECK`; undefined when there is no such check. */
export async function health(
  path: string,
  query: URLSearchParams,
  checks: HealthChecks,
): Promise<ApiResponse | undefined> {
  const [endpoint = '', one] = path.split('/').filter((segment) => segment !== '')
  const all = endpoint === 'livez' ? checks.livez : checks.readyz
  const excluded = new Set(query.getAll('exclude'))
  const chosen =
    one === undefined ? all.filter(({ name }) => !excluded.has(name)) : all.filter(({ name }) => name === one)
  if (one !== undefined && chosen.length === 0) return undefined
  const lines: string[] = []
  let failures = 0
  for (const { name, check } of chosen) {
    try {
      await check()
      lines.push(`[+]${name} ok`)
    } catch {
      // The reason may name files or hosts: it is in the log, not on a path that anybody may read.
      failures++
      lines.push(`[-]${name} failed: reason withheld`)
    }
  }
  if (failures > 0) return textResponse(500, `${lines.join('\n')}\n${endpoint} check failed\n`)
  return textResponse(200, query.has('verbose') ? `${lines.join('\n')}\n${endpoint} check passed\n` : 'ok')
}
