/**
 * `npm run bench [-- NAME …]`: measurements beside the peers that are installed. Prints tables and writes
 * `bench/results/NAME.json`. Compare ratios within a run, never times between runs: the machine is never idle.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Bench, Row } from './report.ts'

/** Each benchmark loads when it is asked for. */
const benches: Readonly<Record<string, () => Promise<Bench>>> = {
  store: async () => (await import('./store.ts')).benchStore,
  'store-size': async () => (await import('./store-size.ts')).benchStoreSize,
  postgres: async () => (await import('./postgres.ts')).benchPostgres,
  apiserver: async () => (await import('./apiserver.ts')).benchApiServer,
  'api-load': async () => (await import('./api-load.ts')).benchApiLoad,
  'api-stores': async () => (await import('./api-stores.ts')).benchApiStores,
  gateway: async () => (await import('./gateway.ts')).benchGateway,
  apps: async () => (await import('./apps.ts')).benchApps,
  relay: async () => (await import('./relay.ts')).benchRelay,
  density: async () => (await import('./density.ts')).benchDensity,
}

async function main(names: readonly string[]): Promise<void> {
  const results = join(import.meta.dirname, 'results')
  mkdirSync(results, { recursive: true })
  for (const name of names.length > 0 ? names : Object.keys(benches)) {
    const load = benches[name]
    if (!load) throw new Error(`no benchmark is called ${name}; there are ${Object.keys(benches).join(', ')}`)
    console.log(`\n# ${name}`)
    const rows = await (await load())((line) => console.log(line))
    printTable(rows)
    writeFileSync(
      join(results, `${name}.json`),
      `${JSON.stringify({ node: process.version, rows }, undefined, 2)}\n`,
    )
  }
}

function printTable(rows: readonly Row[]): void {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const cells = [columns, ...rows.map((row) => columns.map((column) => String(row[column] ?? '')))]
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => line[i]?.length ?? 0)))
  for (const line of cells)
    console.log(
      line
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
}

await main(process.argv.slice(2))
