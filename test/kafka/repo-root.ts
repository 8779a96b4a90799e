// The root of the repository: compiled files run from dist/, other files do not.
export { repositoryRoot as repoRoot } from '../../src/demo/kafka-libs.ts'
