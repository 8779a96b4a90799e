// The permissions that `longhaul acls` prints, granted to the mirror's user.
import type { RequiredAcl } from '../../src/orchestrator/flow/required-acls.ts'
import { addAcl } from '../kafka/acls.ts'
import type { KafkaCluster } from '../kafka/cluster.ts'
import { runCommand } from './mirror-process.ts'

export async function printedAcls (file: string): Promise<readonly RequiredAcl[]> {
  const { exit, stderr, stdout } = await runCommand(['acls', file, '-o', 'json'])
  if (exit.code !== 0) throw new Error(stderr)
  return JSON.parse(stdout) as readonly RequiredAcl[]
}

/** One call for all resources with the same operations. */
export async function grantAcls (
  clusterOf: (alias: string) => KafkaCluster, acls: readonly RequiredAcl[]
): Promise<void> {
  const calls = new Map<string, RequiredAcl[]>()
  for (const acl of acls) {
    if (acl.operations.length === 0) continue
    const { bootstrapServers, operations, principal, resource, type } = acl
    const key = [bootstrapServers, principal, resource, type, ...operations].join()
    calls.set(key, [...calls.get(key) ?? [], acl])
  }
  await Promise.all([...calls.values()].map(async same => {
    const [{ cluster, operations, principal, resource, type }] = same as [RequiredAcl]
    await addAcl(clusterOf(cluster), ['--allow-principal', principal,
      ...operations.flatMap(operation => ['--operation', operation]),
      ...resource === 'cluster'
        ? ['--cluster']
        : ['--resource-pattern-type', type,
            ...same.flatMap(({ name }) => [`--${resource}`, name])]])
  }))
}

/** Without one operation on the resources that `isChosen` selects. */
export function without (
  acls: readonly RequiredAcl[], operation: string, isChosen: (acl: RequiredAcl) => boolean
): readonly RequiredAcl[] {
  return acls.map(acl => isChosen(acl)
    ? { ...acl, operations: acl.operations.filter(each => each !== operation) }
    : acl)
}
