// The kind of topic.rename: `REGEX@NAME`, separated by commas.
import type { RenameRule } from '../policy/topic-rename.ts'
import { row, splitList, type Row, type RowText } from './setting-kinds.ts'

export function topicRenames (
  spec: RowText<readonly RenameRule[]>
): Row<readonly RenameRule[]> {
  return row<readonly RenameRule[]>(spec, {
    range: 'comma-separated REGEX@NAME; a name has letters, digits, `.`, `_`, `-`, `$0` to `$9`',
    parse: written => {
      const rules = splitList(written).map(parseRule)
      return rules.every(rule => rule !== undefined) ? rules : undefined
    },
    show: rules => rules.map(({ expression, name }) => `${expression}@${name}`).join(', ')
  })
}

function parseRule (written: string): RenameRule | undefined {
  const [, expression = '', name = ''] =
    /^(.+)@((?:[\w.-]|\$\d)+)$/.exec(written.replace(/\s*@\s*/g, '@')) ?? []
  return name === '' ? undefined : { expression, name }
}
