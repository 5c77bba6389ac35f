/**
 * New inputs from old ones: bytes flipped, cut, repeated and spliced; words of the target's dictionary put in; and, for
 * targets that take JSON, the same on the tree, so that most inputs get past the parser.
 */
import type { Random } from '../../src/base/ids.ts'

export type JsonTree = null | boolean | number | string | JsonTree[] | { [key: string]: JsonTree }

export interface Mutator {
  /** Between one and four changes to `input`, with parts of `other` in some of them. At most `bytesMax` long. */
  mutate(input: Uint8Array, other: Uint8Array): Uint8Array
}

export interface MutatorOptions {
  readonly random: Random
  readonly format: 'bytes' | 'text' | 'json'
  readonly dictionary: readonly string[]
  readonly bytesMax: number
  /** Values to put into trees. */
  readonly donors: readonly JsonTree[]
}

const numbers = [
  0,
  1,
  -1,
  127,
  128,
  255,
  256,
  32_767,
  65_536,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  1e21,
  0.5,
]
const texts = [
  '',
  ' ',
  '\0',
  '\n',
  '__proto__',
  'constructor',
  'toString',
  '\ud800',
  '💥',
  'null',
  '$patch',
  '-',
  '~1',
  '%00',
]
const changesMax = 4
/** Of ten changes to JSON, one is to its bytes: that what is no JSON stays tried too. */
const treeShare = 0.9

export function createMutator(options: MutatorOptions): Mutator {
  const bytes = new ByteMutator(options)
  const trees = new TreeMutator(options)
  const { bytesMax, format, random } = options
  const changed = (input: Uint8Array, other: Uint8Array): Uint8Array => {
    const count = 1 + Math.floor(random.float() * changesMax)
    const tree = format === 'json' && random.float() < treeShare ? parse(input) : undefined
    if (tree !== undefined) return encode(trees.change(tree, parse(other) ?? null, count))
    let result = input
    for (let left = count; left > 0; left--) result = bytes.change(result, other)
    return result
  }
  return {
    mutate(input, other) {
      const result = changed(input, other)
      return result.length <= bytesMax ? result : bytes.change(input, other).subarray(0, bytesMax)
    },
  }
}

const encode = (tree: JsonTree): Uint8Array => Buffer.from(JSON.stringify(tree))

function parse(bytes: Uint8Array): JsonTree | undefined {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as JsonTree
  } catch {
    return undefined // Its bytes can be changed all the same.
  }
}

class ByteMutator {
  readonly #random: Random
  readonly #words: readonly Uint8Array[]

  constructor({ dictionary, random }: MutatorOptions) {
    this.#random = random
    this.#words = [...dictionary, ...texts, ...numbers.map(String)].map((word) => Buffer.from(word, 'utf8'))
  }

  change(input: Uint8Array, other: Uint8Array): Uint8Array {
    const from = this.#below(input.length + 1)
    const to = Math.min(input.length, from + this.#length())
    const between = (middle: Uint8Array) =>
      Buffer.concat([input.subarray(0, from), middle, input.subarray(to)])
    switch (this.#below(9)) {
      case 0:
        return this.#flip(input)
      case 1:
        return between(new Uint8Array(0))
      case 2:
        return between(Uint8Array.from({ length: this.#length() }, () => this.#below(256)))
      case 3:
      case 4:
        return between(this.#word())
      case 5:
        return Buffer.concat([input.subarray(0, from), this.#word(), input.subarray(from)])
      case 6: {
        const start = this.#below(other.length + 1)
        return between(other.subarray(start, start + this.#length() * 4))
      }
      case 7:
        return Buffer.concat([
          input.subarray(0, to),
          ...Array<Uint8Array>(this.#repeats()).fill(input.subarray(from, to)),
          input.subarray(to),
        ])
      default:
        return Buffer.concat([input.subarray(0, from), other.subarray(this.#below(other.length + 1))])
    }
  }

  #flip(input: Uint8Array): Uint8Array {
    const copy = Uint8Array.from(input)
    const at = this.#below(copy.length)
    if (copy.length > 0) copy[at] = (copy[at] ?? 0) ^ (1 << this.#below(8))
    return copy
  }

  #word(): Uint8Array {
    return this.#words[this.#below(this.#words.length)] ?? new Uint8Array(0)
  }

  /** Short mostly. */
  #length(): number {
    return 1 + Math.floor(2 ** (this.#random.float() * 5))
  }

  #repeats(): number {
    return this.#random.float() < 0.02 ? 300 : 1 + this.#below(4)
  }

  #below(max: number): number {
    return Math.floor(this.#random.float() * max)
  }
}

type Place = { readonly holder: JsonTree[] | Record<string, JsonTree>; readonly key: string }

class TreeMutator {
  readonly #random: Random
  readonly #donors: readonly JsonTree[]
  readonly #words: readonly string[]

  constructor({ dictionary, donors, random }: MutatorOptions) {
    this.#random = random
    this.#donors = donors
    this.#words = [...dictionary, ...texts]
  }

  change(tree: JsonTree, other: JsonTree, count: number): JsonTree {
    const root: Record<string, JsonTree> = { '': tree }
    for (let left = count; left > 0; left--) this.#once(root, other)
    return root[''] ?? null
  }

  #once(root: Record<string, JsonTree>, other: JsonTree): void {
    const places = placesIn(root)
    const { holder, key } = this.#pick(places) ?? { holder: root, key: '' }
    const value = fieldOf(holder, key)
    switch (this.#below(9)) {
      case 0:
        remove(holder, key)
        break
      case 1:
        put(holder, key, this.#scalar())
        break
      case 2:
        put(holder, key, this.#donated(other))
        break
      case 3:
      case 4:
        this.#grow(value, holder, key, other)
        break
      case 5:
        this.#rename(holder, key)
        break
      case 6:
        put(holder, key, copyOf(fieldAt(this.#pick(places)) ?? null))
        break
      case 7:
        if (Array.isArray(holder)) holder.push(...this.#repeated(value ?? null))
        else put(holder, this.#word(), copyOf(value ?? null))
        break
      default:
        put(holder, key, typeof value === 'string' ? this.#edit(value) : [value ?? null])
    }
  }

  /** Adds to what is at a place, if that holds anything. */
  #grow(value: JsonTree | undefined, holder: Place['holder'], key: string, other: JsonTree): void {
    const added = this.#random.float() < 0.5 ? this.#scalar() : this.#donated(other)
    if (Array.isArray(value)) value.splice(this.#below(value.length + 1), 0, added)
    else if (typeof value === 'object' && value !== null) put(value, this.#word(), added)
    else put(holder, key, this.#scalar())
  }

  #rename(holder: Place['holder'], key: string): void {
    if (Array.isArray(holder)) return void holder.reverse()
    const value = fieldOf(holder, key)
    remove(holder, key)
    put(holder, this.#word(), value ?? null)
  }

  /** Rarely many: of what is small. */
  #repeated(value: JsonTree): JsonTree[] {
    const isMany = this.#random.float() < 0.02 && typeof value !== 'object'
    return Array.from({ length: isMany ? 200 : 1 }, () => copyOf(value))
  }

  #edit(text: string): string {
    const at = this.#below(text.length + 1)
    return text.slice(0, at) + this.#word() + text.slice(at + this.#below(3))
  }

  #donated(other: JsonTree): JsonTree {
    const donor =
      this.#random.float() < 0.3 ? this.#pick(this.#donors) : fieldAt(this.#pick(placesIn({ '': other })))
    return copyOf(donor ?? null)
  }

  #scalar(): JsonTree {
    const choice = this.#random.float()
    if (choice < 0.15) return null
    if (choice < 0.25) return this.#random.float() < 0.5
    if (choice < 0.45) return this.#pick(numbers) ?? 0
    if (choice < 0.55) return {}
    return choice < 0.6 ? [] : this.#word()
  }

  #word(): string {
    return this.#pick(this.#words) ?? ''
  }

  #pick<T>(all: readonly T[]): T | undefined {
    return all[this.#below(all.length)]
  }

  #below(max: number): number {
    return Math.floor(this.#random.float() * max)
  }
}

const copyOf = (value: JsonTree): JsonTree =>
  typeof value === 'object' && value !== null ? (JSON.parse(JSON.stringify(value)) as JsonTree) : value

/** A tree that repeats has grown enough. */
const placesMax = 400

function placesIn(root: Record<string, JsonTree>): Place[] {
  const places: Place[] = []
  const visit = (holder: Place['holder']): void => {
    for (const key of Object.keys(holder)) {
      if (places.length >= placesMax) return
      places.push({ holder, key })
      const value = fieldOf(holder, key)
      if (typeof value === 'object' && value !== null) visit(value)
    }
  }
  visit(root)
  return places
}

const fieldOf = (holder: Place['holder'], key: string): JsonTree | undefined =>
  (holder as Record<string, JsonTree>)[key]

const fieldAt = (place: Place | undefined): JsonTree | undefined => place && fieldOf(place.holder, place.key)

function put(holder: Place['holder'], key: string, value: JsonTree): void {
  Object.defineProperty(holder, key, { value, writable: true, enumerable: true, configurable: true })
}

function remove(holder: Place['holder'], key: string): void {
  if (Array.isArray(holder)) holder.splice(Number(key), 1)
  else delete holder[key]
}
