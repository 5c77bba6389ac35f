/** Starts an app once, and ends it. Resolves with milliseconds to its first answer, and what else was measured. */
export type Starter = (round: number) => Promise<Readonly<Record<string, number>>>

/** Another program that runs apps, ready to be asked. */
export interface Peer {
  readonly start: Starter
  end(): Promise<void>
}
