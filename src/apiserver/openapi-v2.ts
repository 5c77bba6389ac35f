/** In which form `/openapi/v2` is wanted: JSON for Terraform and whoever doesn't say, protobuf for kubectl. */
import { notAcceptable } from '../api/status.ts'
import type { ApiRequest, ApiResponse } from './http.ts'
import { parseAccept } from './negotiate.ts'
import { tagged } from './tagged.ts'
import type { OpenApiDocuments, OpenApiV2Form } from './openapi.ts'

/** A media type may not hold an `@`, though clients ask for it with one: the answer is called differently, as upstream's is. */
const protobufType = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf'

const forms: Readonly<Record<string, OpenApiV2Form>> = {
  '*/*': 'json',
  'application/*': 'json',
  'application/json': 'json',
  'application/com.github.proto-openapi.spec.v2@v1.0+protobuf': 'protobuf',
  [protobufType]: 'protobuf',
}

export async function openApiV2(request: ApiRequest, documents: OpenApiDocuments): Promise<ApiResponse> {
  for (const { type } of parseAccept(request.headers['accept'])) {
    const form = forms[type]
    if (form === undefined) continue
    const { bytes, hash } = await documents.version2(form)
    const contentType = form === 'json' ? 'application/json' : protobufType
    return tagged(request, bytes, contentType, { hash, cache: 'no-cache, private' })
  }
  throw notAcceptable(Object.keys(forms))
}
