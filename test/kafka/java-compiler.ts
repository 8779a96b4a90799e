// Compiles Java programs of test/kafka with the compiler of the jars, so that no JDK is needed.
import { join } from 'node:path'
import { ensureJars } from './jars.ts'
import { mustRunJava, quickStartFlags } from './java.ts'
import { createTempFolder, removeFolder } from './process-guard.ts'
import { repoRoot } from './repo-root.ts'

/** Calls `body` with the folder of the classes, which is removed afterwards. */
export async function withJavaClasses<Value> (
  names: readonly string[], body: (folder: string) => Promise<Value>
): Promise<Value> {
  const { classPath } = await ensureJars()
  const folder = createTempFolder('java-classes')
  try {
    await mustRunJava({
      classPath,
      className: 'org.eclipse.jdt.internal.compiler.batch.Main',
      args: ['-17', '-proc:none', '-nowarn', '-d', folder,
        ...names.map(name => join(repoRoot(), `test/kafka/${name}.java`))],
      flags: quickStartFlags
    })
    return await body(folder)
  } finally {
    removeFolder(folder)
  }
}
