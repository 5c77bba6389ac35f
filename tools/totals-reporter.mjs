// A node:test reporter that writes one JSON line: how many tests passed, failed and were skipped. Files and suites
// are not tests.
export default async function* totals(source) {
  const count = { passed: 0, failed: 0, skipped: 0 }
  for await (const { type, data } of source) {
    if (type !== 'test:pass' && type !== 'test:fail') continue
    const isSuite = data.details?.type === 'suite'
    const isFile = data.nesting === 0 && data.file === undefined
    if (type === 'test:fail' && !isSuite) count.failed++
    else if (isSuite || isFile) continue
    else if (data.skip !== undefined && data.skip !== false) count.skipped++
    else count.passed++
  }
  yield JSON.stringify(count)
}
