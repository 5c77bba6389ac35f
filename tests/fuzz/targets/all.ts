/** Where each target is. Loaded one group at a time: a thread needs only what it runs. */
import type { FuzzTarget } from '../target.ts'

type Group = () => Promise<readonly FuzzTarget[]>

const bodies: Group = async () => (await import('./bodies.ts')).bodyTargets
const patches: Group = async () => (await import('./patches.ts')).patchTargets
const server: Group = async () => (await import('./server.ts')).serverTargets
const streams: Group = async () => (await import('./streams.ts')).streamTargets
const texts: Group = async () => (await import('./texts.ts')).textTargets

/** The longest first: two run at a time. */
export const groupOf: Readonly<Record<string, Group>> = {
  requests: server,
  'http-bytes': server,
  'server-side-apply': patches,
  'strategic-merge-patch': patches,
  'crd-schema': bodies,
  channels: streams,
  'yaml-body': bodies,
  'field-set': bodies,
  'json-patch': patches,
  'label-selector-object': bodies,
  'json-body': bodies,
  'merge-patch': patches,
  spdy: streams,
  'continue-token': texts,
  'label-selector': texts,
  protobuf: bodies,
  quantity: texts,
  'field-selector': texts,
  'request-line': texts,
}

export async function openTarget(name: string): Promise<FuzzTarget> {
  const target = (await groupOf[name]?.())?.find((one) => one.name === name)
  if (!target)
    throw new Error(`no fuzz target is called ${name}; there are ${Object.keys(groupOf).join(', ')}`)
  return target
}
