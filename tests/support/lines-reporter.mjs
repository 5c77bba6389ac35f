// A node:test reporter that writes each test, but not the suites, as a line of JSON: where it stands, and what became of it.
export default async function* lines(source) {
  const path = []
  for await (const { type, data } of source) {
    if (type === 'test:start') path.splice(data.nesting, path.length, data.name)
    if (type !== 'test:pass' && type !== 'test:fail') continue
    if (data.details?.type === 'suite' && type === 'test:pass') continue
    const skip = data.skip === undefined || data.skip === false ? undefined : String(data.skip)
    const error = data.details?.error
    yield `${JSON.stringify({
      path: [...path.slice(0, data.nesting), data.name],
      outcome: type === 'test:fail' ? 'failed' : skip === undefined ? 'passed' : 'skipped',
      why: skip ?? error?.cause?.stack ?? error?.message,
    })}\n`
  }
}
