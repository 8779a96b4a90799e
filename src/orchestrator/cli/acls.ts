// `longhaul acls FILE`: prints the permissions that the flows of a file need on each cluster, as
// commands of kafka-acls.sh, JSON or YAML. Sends no request to any cluster.
import { requiredAcls, unknownPrincipal, type RequiredAcl } from '../flow/required-acls.ts'
import { configure, type ConfigOptions } from './configure.ts'
import { exitCodes, type ExitCode } from './exit-codes.ts'
import { renderOutput } from './structured-output.ts'
import type { Terminal } from './terminal.ts'

export function acls (file: string, options: ConfigOptions, terminal: Terminal): ExitCode {
  const config = configure(file, options, terminal)
  if (config === undefined) return exitCodes.usage
  const needed = requiredAcls(config.flows)
  terminal.stdout.write(renderOutput(options.output, needed, () => renderCommands(needed)))
  if (needed.length === 0) terminal.stderr.write('warning: no flow is enabled\n')
  const unknown = [...new Set(needed.filter(({ principal }) => principal === unknownPrincipal)
    .map(({ cluster }) => cluster))]
  if (unknown.length > 0) {
    terminal.stderr.write(`warning: the file names no user of ${unknown.join(', ')}: write the ` +
      `principal in place of ${unknownPrincipal}\n`)
  }
  return exitCodes.ok
}

function renderCommands (needed: readonly RequiredAcl[]): string {
  return needed.map(acl => {
    const words = [
      'kafka-acls.sh --bootstrap-server', quote(acl.bootstrapServers),
      '--command-config admin.properties --add --allow-principal', quote(acl.principal),
      ...acl.operations.flatMap(operation => ['--operation', operation]),
      ...acl.resource === 'cluster'
        ? ['--cluster']
        : ['--resource-pattern-type', acl.type, `--${acl.resource}`, quote(acl.name)]
    ]
    const reasons = acl.reasons.map(reason => `#   ${reason}`)
    return [`# cluster ${acl.cluster}`, ...reasons, words.join(' ')].join('\n')
  }).join('\n\n')
}

/** Quotes for a shell: `->` in the name of a group would redirect its output. */
function quote (word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`
}
