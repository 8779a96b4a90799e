// Renders the tables as CONFIGURATION.md; `npm run generate` writes it.
import { usualPlaces } from './public-authorities.ts'
import { idleFamilies, idleProperties } from './idle-properties.ts'
import { clientTable } from './client-table.ts'
import {
  flowTable, processTable, rowOf, topicSettingNames, type Setting
} from './config-table.ts'

export function renderConfigDocs (): string {
  return [
    introduction,
    '## The whole process',
    'These properties have no prefix.',
    settingsTable(Object.keys(processTable) as Setting[]),
    '## A replication flow',
    flowIntroduction,
    settingsTable(Object.keys(flowTable) as Setting[]),
    '## Clients',
    clientIntroduction,
    clientsTable(),
    '## Properties of MirrorMaker 2 without effect',
    'Each causes one warning with the reason; `transforms`, `predicates` and converters with a ' +
      'value that changes no record cause none.',
    idleTable()
  ].join('\n\n') + '\n'
}

const introduction = `# Configuration

<!-- Rendered from the tables in src/orchestrator/config; do not edit. -->

Longhaul reads properties files of MirrorMaker 2 without changes.

| Written | Means |
|---|---|
| \`clusters = A, B\` | the names of the clusters |
| \`NAME = value\` | for the process, or for every flow |
| \`A.NAME\`, \`A.consumer.NAME\`, \`A.producer.NAME\`, \`A.admin.NAME\` | for cluster A |
| \`A->B.NAME\` | for the flow from A to B |
| \`A->B.source.consumer.NAME\`, \`A->B.target.producer.NAME\` | for one end of the flow |
| \`A->B.topic.TOPIC.NAME\` | for one topic, by its name on the source: ${topicSettingNames
  .map(name => `\`${name}\``).join(', ')} |
| \`\${env:NAME}\`, \`\${file:path:key}\`, \`\${directory:path:key}\` | a value from elsewhere |

The more specific property wins: flow over cluster over top level, with a role (\`consumer.\`) over
without one. Of the properties of clusters, a flow reads those of the consumer from its source, and
all others from its target.

As in MirrorMaker 2, \`A.consumer.NAME\` wins over \`A->B.consumer.NAME\`,
\`B.producer.NAME\` over \`A->B.producer.NAME\`, and \`A->B.source.consumer.NAME\` and
\`A->B.producer.override.NAME\` win over both.

\`-X property=value\` accepts the same names and wins over the file; \`-X source.NAME=\`
and \`-X target.NAME=\` reach one end of every flow.

Sizes are bytes or have a unit (\`64MiB\`, \`1GB\`), times are milliseconds or have one (\`500ms\`,
\`5s\`, \`2m\`). A misspelt name causes a warning with the nearest correct name;
\`--strict\` refuses every property that has no effect.`

const flowIntroduction =
  `Write \`A->B.NAME\`, \`B.NAME\` or \`NAME\`. As in MirrorMaker 2, settings of the *consumer* may
also be \`A.consumer.NAME\`, and settings of the *producer* \`B.producer.NAME\`.`

const clientIntroduction =
  `librdkafka opens the connections. Properties of the Java client are translated. Longhaul also
accepts librdkafka's properties of connections, but not both names for the same setting.
Properties that have the same name and meaning in both (\`security.protocol\`, \`client.rack\`, ...)
are not listed.

With TLS and without a trust store Longhaul trusts the public certificate authorities: those of
\`SSL_CERT_FILE\` or \`SSL_CERT_DIR\`, if the environment sets one; otherwise the first of
${usualPlaces.map(place => `\`${place}\``).join(',\n')} that holds certificates; otherwise those of
Node.js.`

function table (head: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n')
}

function code (text: string): string {
  return text === '' ? '' : `\`${text}\``
}

function settingsTable (settings: readonly Setting[]): string {
  return table(['Property', 'Default', 'Allowed', 'What it does'], settings.map(setting => {
    const row = rowOf(setting)
    const notes = [
      row.role === undefined ? '' : roleText[row.role],
      row.flag === undefined ? '' : `Flag ${code(row.flag)}.`,
      row.alias === undefined ? '' : `Also ${row.alias.map(code).join(', ')}.`
    ]
    const doc = [row.doc, ...notes].filter(text => text !== '').join(' ')
    return [code(setting), code(row.show(row.default)), row.range, doc]
  }))
}

const roleText = {
  consumer: '*Consumer.*',
  producer: '*Producer.*',
  either: '*Consumer or producer.*',
  group: '*Consumer of the target.*',
  'cluster worker': '*Of the target, as in `B.group.id`, which alone MirrorMaker 2 reads.*',
  worker: '*At top level or for the target, not for a flow; top level wins, as in MirrorMaker 2.*'
}

function clientsTable (): string {
  const parts = {
    'trust store': '`ssl.ca.location` or `ssl.ca.pem`; JKS, PKCS#12 and PEM are read',
    'key store': '`ssl.keystore.location`, or `ssl.certificate.pem` and `ssl.key.pem`',
    'login': '`sasl.*`; PLAIN, SCRAM, Kerberos, OAUTHBEARER and AWS_MSK_IAM login modules are read'
  }
  // A setting of a flow is in its table, with the client that it is for.
  const others = Object.entries(clientTable).filter(([name]) => !Object.hasOwn(flowTable, name))
  return table(['Java client', 'librdkafka'], others.map(([name, rule]) => {
    if ('to' in rule) return [code(name), code(rule.to)]
    return [code(name), 'part' in rule ? parts[rule.part] : `no effect: ${rule.none}`]
  }))
}

function idleTable (): string {
  const families = idleFamilies.map(([prefix, row]) => [`${prefix}*`, row] as const)
  const rows = [...Object.entries(idleProperties), ...families]
  return table(['Property', 'MirrorMaker 2', 'Why'],
    rows.map(([name, row]) => [code(name), code(row.default), row.why]))
}
