/**
 * YAML as a request body. It is a stranger's text for a library that takes microseconds for each byte, and for some texts the
 * square or worse: what costs so much is turned off or done here, the rest is bounded.
 */
import type { Document, LineCounter, YAMLMap } from 'yaml'
import type { JsonValue } from '../api/json.ts'
import { assertNesting } from '../api/patch/limits.ts'
import { badRequest, failure, type StatusError } from '../api/status.ts'

/** Of YAML that is not also JSON: parsing this much takes a second or two of a processor (`yaml.ts` says whose). JSON has the limit of any body. */
export const yamlBytesMax = 256 * 1024

/** What JSON could say too: keys are texts. Throws BadRequest for anything else, RequestEntityTooLarge above the limit. */
export async function parseYaml(bytes: Uint8Array): Promise<JsonValue> {
  if (bytes.length > yamlBytesMax)
    throw failure(
      'RequestEntityTooLarge',
      `Request entity too large: limit of YAML is ${yamlBytesMax}; send JSON`,
    )
  const { isScalar, LineCounter, parseDocument, visit } = await import('yaml')
  const lineCounter = new LineCounter()
  const document = parseDocument(Buffer.from(bytes).toString('utf8'), {
    lineCounter,
    // To make the text of each of a thousand errors takes longer than to find them.
    prettyErrors: false,
    logLevel: 'error',
    // A map in a map's key is made into a text again and again, as often as they nest.
    stringKeys: true,
    // The library compares each key with all others.
    uniqueKeys: false,
  })
  const [error] = document.errors
  if (error) throw refusal(error.message, error.pos[0], lineCounter)
  visit(document, {
    Map(_, map) {
      const repeated = repeatedKey(map)
      if (repeated) throw refusal(`Map keys must be unique: ${repeated.text}`, repeated.at, lineCounter)
    },
  })
  return valueOf(document)

  function repeatedKey({ items }: YAMLMap): { readonly text: string; readonly at: number } | undefined {
    const seen = new Set<string>()
    for (const { key } of items) {
      const text = isScalar(key) ? String(key.value) : undefined
      if (text === undefined) continue
      if (seen.has(text)) return { text, at: isScalar(key) ? (key.range?.[0] ?? 0) : 0 }
      seen.add(text)
    }
    return undefined
  }
}

/** What YAML has beyond JSON (not-a-number, times, shared parts) becomes what JSON makes of it. */
function valueOf(document: Document): JsonValue {
  const value = plainValue(document)
  // Also of one that holds itself.
  assertNesting(value, 'the body')
  return JSON.parse(JSON.stringify(value)) as JsonValue
}

function plainValue(document: Document): JsonValue {
  try {
    return (document.toJS() ?? null) as JsonValue
  } catch (error) {
    // Aliases that multiply, or lead nowhere.
    throw badRequest(converting(error instanceof Error ? error.message : String(error)), { cause: error })
  }
}

const converting = (why: string): string => `error converting YAML to JSON: ${why}`

function refusal(why: string, at: number, lines: LineCounter): StatusError {
  const { line, col } = lines.linePos(at)
  return badRequest(converting(`${why} at line ${line}, column ${col}`))
}
