/** npm's flat options as pacote and arborist take them. May hold credentials: never log it. */
export type NpmConfig = Readonly<Record<string, unknown>>
