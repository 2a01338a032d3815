// Runs the suite that lies in the folder of the first argument against the base URL of the second, one test if a third
// says which, and prints what became of each as JSON: [{id, kind, mark, said}].
import { createRequire } from 'node:module'
import path from 'node:path'

const [folder, base, only] = process.argv.slice(2)
const suite = name => import(path.join(folder, name))
const fetch = createRequire(path.join(folder, 'package.json'))('node-fetch')
const tests = (await suite('tests/index.mjs')).default
tests.push((await suite('tests/surrogate-control.mjs')).default)
const { runTests, getResults } = await suite('client/runner.mjs')
const { determineTestResult } = await suite('lib/display.mjs')

const wanted = only
  ? tests.map(one => ({ ...one, tests: one.tests.filter(test => test.id === only).map(test => ({ ...test, dump: true })) }))
    .filter(one => one.tests.length > 0)
  : tests
await runTests(wanted, fetch, false, base)
const results = getResults()
const told = []
for (const test of wanted.flatMap(one => one.tests)) {
  if (test.browser_only) continue
  const result = results[test.id]
  told.push({
    id: test.id,
    kind: test.kind || 'required',
    mark: result === undefined ? '-' : determineTestResult(tests, test.id, results, !only)[2],
    said: Array.isArray(result) ? result.join(': ') : ''
  })
}
console.log(JSON.stringify(told))
