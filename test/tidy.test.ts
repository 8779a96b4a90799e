// The house rules as a program: each rule of test/tidy/ is applied to every file that git tracks,
// and proved by a snippet that it must catch and one that it must accept.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { generatedFiles, generatedText } from '../src/orchestrator/generate.ts'
import { repoRoot } from './kafka/repo-root.ts'
import { cppRules } from './tidy/cpp-rules.ts'
import { fixtures } from './tidy/fixtures.ts'
import { importRules } from './tidy/import-rules.ts'
import { languageRules } from './tidy/language-rules.ts'
import { layoutRules } from './tidy/layout-rules.ts'
import { describeFindings } from './tidy/rule.ts'
import { repositoryTree } from './tidy/tree.ts'
import { typescriptRules } from './tidy/typescript-rules.ts'

const root = repoRoot()
const tree = repositoryTree(root)
const rules = [
  ...layoutRules, ...languageRules, ...typescriptRules, ...importRules, ...cppRules
]

describe('the repository', () => {
  for (const rule of rules) {
    test(rule.name, () => {
      const findings = rule.find(tree)
      assert.equal(findings.length, 0, describeFindings(rule, findings))
    })
  }
})

describe('the rules', () => {
  for (const rule of rules) {
    test(`catch a breach: ${rule.name}`, () => {
      const proofs = fixtures.filter((fixture) => fixture.rule === rule.name)
      assert.ok(proofs.length > 0, `add a row to test/tidy/fixtures.ts for "${rule.name}"`)
      for (const { bad, good } of proofs) {
        const badFiles = new Map(Object.entries(bad))
        const goodFiles = new Map(Object.entries(good))
        assert.ok(rule.find(badFiles).length > 0, `not caught: ${JSON.stringify(bad)}`)
        assert.deepEqual(rule.find(goodFiles), [], `caught by mistake: ${JSON.stringify(good)}`)
      }
    })
  }

  test('have different names, and each fixture belongs to one', () => {
    const names = rules.map(({ name }) => name)
    assert.equal(new Set(names).size, names.length)
    assert.deepEqual(fixtures.filter(({ rule }) => !names.includes(rule)), [])
  })
})

describe('generated files', () => {
  for (const generated of generatedFiles) {
    const { file, section } = generated
    test(`${section ?? 'all'} of ${file} is what its table renders`, () => {
      const text = readFileSync(join(root, file), 'utf8')
      assert.equal(text, generatedText(generated, text), `${file} is stale: npm run generate`)
    })
  }
})
