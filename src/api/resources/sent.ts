/**
 * What a client sent: the generated types say which fields an object must have, validation is where that is found
 * out. Every field may be missing at any depth; a whole object is one of these too.
 */
export type Sent<T> = T extends readonly (infer Item)[]
  ? readonly Sent<Item>[]
  : T extends object
    ? string extends keyof T
      ? Readonly<T>
      : { readonly [Field in keyof T]?: Sent<T[Field]> }
    : T
