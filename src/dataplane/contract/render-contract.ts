// Renders contract-table.ts and the error table into contract.generated.h. Run by hand after a
// change: `npm run generate`; a test says when the header is stale.
import { errorTable } from '../../orchestrator/errors/error-table.ts'
import {
  batchReasons, forwarderSettings, laneCounters, nativeErrors, partitionCounters, partitionStates
} from './contract-table.ts'

const camel = (text: string): string =>
  text.split('_').map(word => upperFirst(word.toLowerCase())).join('')

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
    '// What the error table says of a code that a broker or librdkafka answered.',
    ...list('Retriable', rows.filter(row => row.retriable && row.code < 1000).map(row => row.code)),
    ...list('RefreshesMetadata',
      rows.filter(row => row.refreshesMetadata && row.code < 1000).map(row => row.code))
  ].flatMap(line => wrap(line))
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
    `constexpr size_t kBatchReasonCount = ${batchReasons.length};`,
    '',
    ...counterStruct('PartitionCounters', partitionCounters),
    '',
    ...counterStruct('LaneCounters', laneCounters),
    '',
    ...errorClasses(),
    '',
    '}  // namespace longhaul',
    ''
  ].join('\n')
}
