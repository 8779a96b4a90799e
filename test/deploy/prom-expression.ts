// Reads the metrics of a PromQL expression, with the labels that it matches or groups by. promtool
// checks the syntax; this file checks names, so it accepts only the words that it knows.
export interface MetricUse {
  readonly metric: string
  /** Labels of the matchers: {source="east"}. */
  readonly labels: readonly string[]
  /** Values of matchers, one for each alternative of a regular expression. */
  readonly values: ReadonlyArray<readonly [label: string, value: string]>
}

export interface ExpressionUse {
  readonly metrics: readonly MetricUse[]
  /** Labels of by, without, on, ignoring, group_left and group_right. */
  readonly groupedBy: readonly string[]
}

const words = new Set([
  'absent', 'and', 'avg', 'histogram_quantile', 'increase', 'max', 'min', 'offset', 'or',
  'rate', 'sum', 'time', 'topk', 'unless', 'vector'
])
const grouping = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g
const selector = /[a-zA-Z_:][\w:]*(?:\s*\{([^}]*)\})?/g
const matcher = /(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"/g
/** Durations and numbers: [5m], 1h, 0.99, 2e9. */
const quantity = /\[[^\]]*\]|\b\d[\w.]*/g

export function usesOf (expression: string): ExpressionUse {
  const groupedBy: string[] = []
  const rest = expression.replace(grouping, (_text, list: string) => {
    groupedBy.push(...list.split(',').map(label => label.trim()).filter(label => label !== ''))
    return ' '
  })
  const metrics: MetricUse[] = []
  for (const [text, matchers = ''] of withoutQuantities(rest).matchAll(selector)) {
    const metric = /^[\w:]+/.exec(text)?.[0] ?? ''
    if (words.has(metric)) continue
    const found = [...matchers.matchAll(matcher)]
    metrics.push({
      metric,
      labels: found.map(([, label = '']) => label),
      values: found.flatMap(([, label = '', value = '']) =>
        value.split('|').map(each => [label, each] as const))
    })
  }
  return { metrics, groupedBy }
}

/** Texts in quotes keep their digits. */
function withoutQuantities (expression: string): string {
  return expression.split(/("[^"]*")/)
    .map((part, index) => index % 2 === 1 ? part : part.replace(quantity, ' ')).join('')
}
