// Renders contract-table.ts and the error table into contract.generated.h. Run `npm run generate`
// after a change; a test fails when the header is stale.
import { errorTable } from '../../orchestrator/errors/error-table.ts'
import {
  batchings, batchReasons, brokerCounters, forwarderSettings, laneCounters, nativeErrors,
  partitionCounters, partitionStates, secretClientProperties
} from './contract-table.ts'
import {
  partitionEvents, partitionMoves, partitionPhases, type PartitionEvent, type PartitionPhase
} from './partition-phases.ts'

const camel = (text: string): string =>
  text.split(/[_-]/).map(word => upperFirst(word.toLowerCase())).join('')

const upperFirst = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

const snake = (text: string): string =>
  text.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)

function settingsStruct (): string[] {
  const rows = Object.entries(forwarderSettings)
  return [
    'struct ForwarderSettings {',
    ...rows.map(([name, row]) => `  int64_t ${snake(name)} = ${row.default};  // ${row.doc}`),
    '};',
    '',
    '// Name and member of each setting, for the binding.',
    'struct ForwarderSettingName {',
    '  const char* name;',
    '  int64_t ForwarderSettings::*member;',
    '};',
    'inline constexpr ForwarderSettingName kForwarderSettingNames[] = {',
    ...rows.map(([name]) => `    {"${name}", &ForwarderSettings::${snake(name)}},`),
    '};'
  ]
}

function enumClass (name: string, members: readonly string[]): string[] {
  return [
    `enum class ${name} : uint8_t {`,
    ...members.map(member => `  k${upperFirst(camel(member))},`),
    '};',
    `constexpr size_t k${name}Count = ${members.length};`
  ]
}

function counterStruct (name: string, counters: Readonly<Record<string, string>>): string[] {
  const rows = Object.entries(counters)
  return [
    `// One row of the ${name} table that JavaScript reads: int64 each, in this order.`,
    `struct ${name} {`,
    ...rows.map(([counter, doc]) => `  int64_t ${snake(counter)} = 0;  // ${doc}`),
    `  bool operator==(const ${name}&) const = default;`,
    '};',
    `constexpr size_t k${name}Columns = ${rows.length};`,
    `static_assert(sizeof(${name}) == k${name}Columns * sizeof(int64_t));`
  ]
}

function errorClasses (): string[] {
  const rows = Object.values(errorTable).sort((a, b) => a.code - b.code)
  const list = (name: string, codes: readonly number[]): string[] => [
    `inline constexpr int32_t k${name}Codes[] = {`, `    ${codes.join(', ')}};`]
  return [
    '// The row of the error table for a code of a broker or of librdkafka.',
    ...list('Retriable', rows.filter(row => row.retriable && row.code < 1000).map(row => row.code)),
    ...list('RefreshesMetadata',
      rows.filter(row => row.refreshesMetadata && row.code < 1000).map(row => row.code))
  ].flatMap(line => wrap(line))
}

/** Kafka's and librdkafka's codes by the names of the error table. */
function errorNames (): string[] {
  const rows = Object.entries(errorTable).filter(([, row]) => row.code > 0 && row.code < 1000)
  return [
    'namespace kafka_error {',
    ...rows.map(([name, row]) => `constexpr int32_t k${camel(name)} = ${row.code};`),
    '}  // namespace kafka_error'
  ]
}

function phaseTraits (): string[] {
  const rows = Object.entries(partitionPhases)
  const lists = ['none', 'scans', 'retries', 'stops']
  return [
    ...enumClass('WorkList', lists),
    '',
    ...enumClass('PartitionPhase', rows.map(([name]) => name)),
    '',
    'struct PhaseTraits {',
    '  const char* name;',
    '  PartitionState shows;',
    '  bool is_active;',
    '  bool fetches;',
    '  bool stores;',
    '  bool produces;',
    '  WorkList list;',
    '};',
    'inline constexpr PhaseTraits kPhaseTraits[] = {',
    ...rows.map(([name, row]) => `    {"${name}", PartitionState::k${upperFirst(row.shows)}, ` +
      `${row.isActive}, ${row.fetches}, ${row.stores}, ${row.produces}, ` +
      `WorkList::k${upperFirst(row.list)}},`),
    '};'
  ]
}

/** One row for each phase, one column for each event. */
function phaseMoves (): string[] {
  const phases = Object.keys(partitionPhases) as PartitionPhase[]
  const events = Object.keys(partitionEvents) as PartitionEvent[]
  const cells = (phase: PartitionPhase): string[] => events.map(event => {
    const to = partitionMoves[phase][event]
    return String(to === undefined ? -1 : phases.indexOf(to))
  })
  return [
    ...enumClass('PartitionEvent', events.map(snake)),
    'inline constexpr const char* kPartitionEventNames[] = {',
    ...events.map(event => `    "${event}",`),
    '};',
    '',
    '// The phase that an event leads to, by phase and event; -1: the move is illegal.',
    'inline constexpr int8_t kPartitionMoves[kPartitionPhaseCount][kPartitionEventCount] = {',
    ...phases.map(phase => `    {${cells(phase).join(', ')}},  // ${phase}`),
    '};'
  ]
}

function wrap (line: string): string[] {
  const lines: string[] = []
  let rest = line
  while (rest.length > 100) {
    const cut = rest.lastIndexOf(' ', 99)
    lines.push(rest.slice(0, cut))
    rest = `    ${rest.slice(cut + 1)}`
  }
  return [...lines, rest]
}

/** The text of src/dataplane/contract/contract.generated.h. */
export function renderContract (): string {
  return [
    '// Generated from contract-table.ts and error-table.ts by render-contract.ts. Do not edit.',
    '#pragma once',
    '',
    '#include <cstddef>',
    '#include <cstdint>',
    '',
    'namespace longhaul {',
    '',
    ...Object.entries(nativeErrors).map(([name, code]) =>
      `constexpr int32_t kError${camel(name)} = ${code};`),
    '',
    ...settingsStruct(),
    '',
    ...enumClass('PartitionState', partitionStates),
    '',
    ...phaseTraits(),
    '',
    ...phaseMoves(),
    '',
    ...enumClass('BatchReason', batchReasons),
    ...enumClass('Batching', batchings),
    '',
    ...counterStruct('PartitionCounters', partitionCounters),
    '',
    ...counterStruct('LaneCounters', laneCounters),
    '',
    ...counterStruct('BrokerCounters', brokerCounters),
    '',
    ...errorNames(),
    '',
    ...errorClasses(),
    '',
    '// librdkafka properties whose values must not be shown.',
    'inline constexpr const char* kSecretClientProperties[] = {',
    ...secretClientProperties.map(name => `    "${name}",`),
    '};',
    '',
    '}  // namespace longhaul',
    ''
  ].join('\n')
}
