/**
 * `/openapi/v2` in protobuf, with nothing in it. kubectl reads its schemas from v3; of v2 it asks one thing, when v3 doesn't
 * know a kind: whether v2 does. Without an answer a misspelt kind ends in "failed to download openapi" instead of "no
 * matches for kind". JSON is not served: no client that we know of reads it.
 */
import { sampanVersion } from '../base/version.ts'

/** What clients ask for; a media type may not hold an `@`, so the answer is called differently, as upstream's is. */
export const openApiV2Accept = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf'
export const openApiV2Type = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf'

/** gnostic's `openapi.v2.Document`: swagger (1) and info (2), which holds title (1) and version (2). */
export const emptyOpenApiV2 = (): Uint8Array =>
  Buffer.concat([
    member(1, Buffer.from('2.0')),
    member(2, Buffer.concat([member(1, Buffer.from('Sampan')), member(2, Buffer.from(sampanVersion))])),
  ])

/** A length-delimited protobuf member; all of ours are shorter than 128 bytes, so a length is one byte. */
const member = (number: number, bytes: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes])
