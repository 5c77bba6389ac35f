/**
 * What kinds and their fields are for, in sentences of our own: `kubectl explain` prints them. They lie beside the table
 * of types (`schema/kubernetes.gen.ts`), which holds facts only, and are loaded when somebody asks for OpenAPI: a server
 * that nobody asks never holds them.
 *
 * The format: a type begins with `= NAME SENTENCE`, or `= NAME (OTHER) SENTENCE` where it is like another type in all that it
 * doesn't say itself. A line below it is `FIELD SENTENCE`. Two entries are no types: `kind` is what all kinds have in
 * common, `list` what all lists have. Names are those of `TypeDef`, without the prefixes that are cut off below.
 */
import type { TypeDef } from '../schema/schema.ts'

export interface Descriptions {
  /** What an object of this type is. Undefined for types of custom resources, which bring descriptions of their own. */
  ofType(name: string): string | undefined
  /** What the field is for. A struct inlined in the type has a say in its own fields. */
  ofField(type: TypeDef, field: string): string | undefined
}

/** Reads them all anew: a millisecond. Hold the result no longer than it is needed. */
export const loadDescriptions = async (): Promise<Descriptions> =>
  descriptionsOf(readEntries(await loadText()))

export const loadText = async (): Promise<string> => {
  const files = await Promise.all([
    import('./access.ts'),
    import('./autoscaling.ts'),
    import('./cluster.ts'),
    import('./config.ts'),
    import('./containers.ts'),
    import('./custom-resources.ts'),
    import('./meta.ts'),
    import('./network.ts'),
    import('./pods.ts'),
    import('./storage.ts'),
    import('./volumes.ts'),
    import('./workloads.ts'),
  ])
  return files.map(({ text }) => text).join('')
}

/** What one type's lines say. */
export interface Entry {
  readonly sentence: string
  /** The type whose fields this one has as well. */
  readonly like: string | undefined
  readonly fields: ReadonlyMap<string, string>
}

export const readEntries = (text: string): ReadonlyMap<string, Entry> => {
  const entries = new Map<string, Entry>()
  for (const block of text.split(/^= /m).slice(1)) {
    const [head = '', ...lines] = block.trimEnd().split('\n')
    const [, name = '', like, sentence = ''] = /^(\S+) (?:\((\S+)\) )?(.*)$/.exec(head) ?? []
    entries.set(name, { sentence, like, fields: new Map(lines.map(splitAtSpace)) })
  }
  return entries
}

const descriptionsOf = (entries: ReadonlyMap<string, Entry>): Descriptions => {
  const fieldOf = (entry: Entry | undefined, field: string): string | undefined =>
    entry && (entry.fields.get(field) ?? (entry.like && fieldOf(entries.get(entry.like), field)))
  const ofField = (type: TypeDef, field: string): string | undefined => {
    const own = fieldOf(entries.get(shortName(type.name)), field)
    if (own !== undefined) return own
    for (const { name, schema } of type.members) {
      const inlined = name === '' && schema.kind === 'object' ? ofField(schema, field) : undefined
      if (inlined !== undefined) return inlined
    }
    return type.isKind ? fieldOf(entries.get(type.fields.has('items') ? 'list' : 'kind'), field) : undefined
  }
  return { ofType: (name) => entries.get(shortName(name))?.sentence ?? listSentence(name), ofField }
}

const splitAtSpace = (line: string): [string, string] => {
  const at = line.indexOf(' ')
  return [line.slice(0, at), line.slice(at + 1)]
}

export const shortName = (name: string): string => name.replace(prefixes, '')

const prefixes =
  /^io\.k8s\.(?:apiextensions-apiserver\.pkg\.apis\.|metrics\.pkg\.apis\.|apimachinery\.pkg\.(?:apis\.|api\.|util\.)?)/

const listSentence = (name: string): string | undefined => {
  const item = /(\w+)List$/.exec(name)?.[1]
  return item && `A list of ${item} objects.`
}
