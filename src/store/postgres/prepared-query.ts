import type { Connection, Submittable } from 'pg'

import { deferred } from '../../base/deferred.ts'
import { encodeExecution } from './execution.ts'

export type Cell = string | number | boolean | Uint8Array | null
export type Row = readonly Cell[]
export type Parser = (text: string) => Cell

/** The statements that a session has prepared, by their names, with the parser of each column. */
export type PreparedStatements = Map<string, readonly Parser[]>

export interface PreparedQueryOptions {
  readonly name: string
  readonly text: string
  readonly values: readonly (string | Buffer | null)[]
  readonly prepared: PreparedStatements
  readonly parserOf: (type: number) => Parser
}

/**
 * One execution of a prepared statement, in place of the driver's own query: that one asks for the columns each time,
 * and a small answer costs it more than the answer itself. The first execution prepares the statement:
 *
 *     first    Close │ Parse │ Describe │ Bind │ Execute │ Sync      Close: what an earlier attempt may have left
 *     later                               Bind │ Execute │ Sync
 *
 * The driver calls the methods that begin with `handle`.
 */
export class PreparedQuery implements Submittable {
  readonly #options: PreparedQueryOptions
  readonly #done = deferred<readonly Row[]>()
  readonly #rows: Row[] = []
  #parsers: readonly Parser[]
  #failure: Error | undefined

  constructor(options: PreparedQueryOptions) {
    this.#options = options
    this.#parsers = options.prepared.get(options.name) ?? []
  }

  /** The rows, once the server is ready for the next question: the transaction has ended then. */
  get rows(): Promise<readonly Row[]> {
    return this.#done.promise
  }

  submit(connection: Connection): void {
    const { name, text, values, prepared } = this.#options
    const { stream } = connection
    stream.cork() // one packet
    try {
      if (!prepared.has(name)) {
        connection.close({ type: 'S', name }, true)
        connection.parse({ name, text, types: [] }, true)
        connection.describe({ type: 'S', name }, true)
      }
      if (stream.writable) stream.write(encodeExecution(name, values))
    } finally {
      stream.uncork()
    }
  }

  handleRowDescription({ fields }: { readonly fields: readonly { readonly dataTypeID: number }[] }): void {
    this.#parsers = fields.map(({ dataTypeID }) => this.#options.parserOf(dataTypeID))
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    try {
      this.#rows.push(
        fields.map((field, i) => (field === null ? null : (this.#parsers[i]?.(field) ?? field))),
      )
    } catch (error) {
      this.#failure = error as Error // thrown here, it would end the process
    }
  }

  handleCommandComplete(): void {
    this.#options.prepared.set(this.#options.name, this.#parsers)
  }

  handleReadyForQuery(): void {
    if (this.#failure) this.#done.reject(this.#failure)
    else this.#done.resolve(this.#rows)
  }

  /** The server's refusal, or the end of the connection. */
  handleError(error: Error): void {
    this.#done.reject(error)
  }
}
