// What the type checker can prove about our TypeScript beyond types: awaited promises, whole
// switches, type-only imports. Layout, names and import direction are test/tidy.test.ts's.
import tseslint from 'typescript-eslint'

/** Forms that the language offers and this code does without, each with what to write instead. */
const bannedForms = [
  ['ExportDefaultDeclaration', 'Export by name: a renamed default import hides what it is.'],
  ['TSEnumDeclaration', 'Use an `as const` table and a union of its keys.'],
  ['TSModuleDeclaration[kind!="global"]', 'Use a module; namespaces are not erasable syntax.'],
  ['TSParameterProperties', 'Declare the field and assign it; this is not erasable syntax.'],
  ['ForInStatement', 'Use for (const key of Object.keys(...)).']
]

/** node:test's functions return promises that its runner awaits by itself. */
const nodeTest = {
  from: 'package',
  package: 'node:test',
  name: ['test', 'it', 'describe', 'suite', 'before', 'after', 'beforeEach', 'afterEach']
}

export default tseslint.config(
  { ignores: ['dist/', 'build/', 'node_modules/', '.cache/', 'coverage/'] },
  {
    files: ['src/**/*.ts', 'test/**/*.ts', 'perf/**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: {
      parserOptions: {
        // src/page has the types of a browser.
        project: ['./tsconfig.json', './src/page/tsconfig.json'],
        tsconfigRootDir: import.meta.dirname
      }
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/no-floating-promises': ['error', { allowForKnownSafeCalls: [nodeTest] }],
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', {
        considerDefaultExhaustiveForUnions: true
      }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/consistent-type-exports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      // AbortSignal.reason is `unknown` by its type and an error by its use.
      '@typescript-eslint/prefer-promise-reject-errors': ['error', {
        allowThrowingAny: true, allowThrowingUnknown: true
      }],
      // Rows of our tables hold methods that use no `this`.
      '@typescript-eslint/unbound-method': 'off',
      // An interface's method may be async for the sake of another implementation.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-unused-vars': ['error', {
        argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'all'
      }],
      '@typescript-eslint/restrict-template-expressions': ['error', {
        allowNumber: true, allowBoolean: true
      }],
      'eqeqeq': ['error', 'always'],
      'no-restricted-syntax': [
        'error', ...bannedForms.map(([selector, message]) => ({ selector, message }))
      ],
      'no-var': 'error',
      'object-shorthand': 'error',
      'prefer-const': 'error'
    }
  },
  {
    // Plain scripts that run before anything is installed: no types to check against.
    files: ['.ci/**/*.mjs'],
    extends: [tseslint.configs.recommended]
  }
)
