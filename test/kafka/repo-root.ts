// Where the repository begins: compiled files run from dist/, what lies beside them does not.
export { repositoryRoot as repoRoot } from '../../src/demo/kafka-libs.ts'
