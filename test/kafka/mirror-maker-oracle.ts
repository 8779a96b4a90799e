// Asks MirrorMaker 2 how it reads properties files: MirrorMakerOracle.java, in one JVM for all
// questions.
import assert from 'node:assert/strict'
import { patienceMs } from './eventually.ts'
import { ensureJars } from './jars.ts'
import { withJavaClasses } from './java-compiler.ts'
import { mustRunJava, quickStartFlags } from './java.ts'

export interface Question {
  readonly file: string
  /** Names with which to ask the filters and the policy of each flow. */
  readonly topics: readonly string[]
  readonly groups: readonly string[]
  readonly configProperties: readonly string[]
}

export interface TopicView {
  readonly isMirrored: boolean
  readonly remote: string
  readonly source: string | null
  readonly upstream: string | null
  readonly isInternal: boolean
}

export interface FlowSettingsView {
  readonly sourceAlias: string
  readonly targetAlias: string
  readonly replicationFactor: number
  readonly offsetStorageFactor: number
  readonly offsetsTopic: string
  readonly workerGroup: string
  readonly adminTimeoutMs: number
  /** Intervals: negative, switched off. */
  readonly refreshTopicsMs: number
  readonly syncTopicConfigsMs: number
  readonly syncTopicAclsMs: number
  readonly refreshGroupsMs: number
  readonly replicatesHeartbeats: boolean
  readonly emitCheckpointsMs: number
  readonly syncGroupOffsetsMs: number
  readonly emitHeartbeatsMs: number
}

export type ClientView = Readonly<Record<string, string>>

/** A pair of clusters for which MirrorMaker 2 starts connectors. */
export type PairView = { readonly source: string, readonly target: string } & (
  | {
    readonly refused: string
    readonly refusedConnectors?: undefined
    readonly enabled: boolean
  }
  /** Mirrors records without these connectors, after an error in its log. */
  | {
    readonly refused?: undefined
    readonly refusedConnectors: readonly string[]
    readonly enabled: boolean
  }
  /** Only heartbeats. */
  | {
    readonly refused?: undefined
    readonly refusedConnectors?: undefined
    readonly enabled: false
  }
  | {
    readonly refused?: undefined
    readonly refusedConnectors?: undefined
    readonly enabled: true
    readonly settings: FlowSettingsView
    readonly clients: {
      readonly consumer: ClientView
      readonly producer: ClientView
      readonly sourceAdmin: ClientView
      readonly targetAdmin: ClientView
    }
    /** For heartbeats, checkpoints, offset syncs. */
    readonly internalTopics: readonly [string, string, string]
    readonly topics: Readonly<Record<string, TopicView>>
    /** The topics or groups that are included. */
    readonly groups: readonly string[]
    readonly configProperties: readonly string[]
  })

export type Answer =
  | { readonly refused: string }
  | { readonly refused?: undefined, readonly pairs: readonly PairView[] }

const oraclePackage = 'org.apache.kafka.connect.mirror'

export async function askMirrorMaker (questions: readonly Question[]): Promise<readonly Answer[]> {
  const { classPath } = await ensureJars()
  const names = ['MirrorMakerOracle', 'CustomMM2ReplicationPolicy']
  return await withJavaClasses(names, async classes => {
    const answers = await mustRunJava({
      classPath: `${classes}:${classPath}`,
      className: `${oraclePackage}.MirrorMakerOracle`,
      args: [],
      flags: [...quickStartFlags, '-Dlonghaul.log.level=OFF']
    }, {
      // Each question has MirrorMaker 2 make its connectors.
      timeoutMs: patienceMs + 200 * questions.length,
      input: questions.map(question => `${JSON.stringify(question)}\n`).join('')
    })
    const lines = answers.split('\n').filter(line => line !== '')
    assert.equal(lines.length, questions.length, 'one answer a question')
    return lines.map(line => JSON.parse(line) as Answer)
  })
}
