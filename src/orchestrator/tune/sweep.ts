// Which settings a sweep measures, and which of them it chooses: one setting after another, each
// with the best values so far. Pure.
import type { Choice, Dimension, TunedSetting } from './tune-table.ts'

export interface Step {
  readonly choice: Choice
  readonly bytesPerSecond: number
}

/** Repeated runs differ by a few percent: a smaller difference does not justify a higher price. */
export const noise = 0.03

/**
 * Of the values whose throughput is within the noise of `best`, the cheapest; if there is none, the
 * fastest. `best`: of all steps of the sweep. Compared with its own dimension alone, each setting
 * might lose as much again.
 */
export function chooseStep (
  steps: readonly Step[], { setting, values }: Pick<Dimension, 'setting' | 'values'>, best: number
): Step {
  const price = ({ choice }: Step): number => values.indexOf(choice[setting] ?? '')
  const fastest = steps.toSorted((one, other) => other.bytesPerSecond - one.bytesPerSecond)[0]
  const [cheapest] = steps.filter(({ bytesPerSecond }) => bytesPerSecond >= best * (1 - noise))
    .toSorted((one, other) => price(one) - price(other))
  const chosen = cheapest ?? fastest
  if (chosen === undefined) throw new Error(`no step of ${setting}`)
  return chosen
}

export interface SweepResult {
  readonly steps: readonly Step[]
  readonly chosen: Step
  /** Why each value was chosen, a sentence for each setting. */
  readonly reasons: readonly string[]
}

/** `measure` returns undefined when the sweep is stopped: the result is then undefined, too. */
export async function sweep (
  dimensions: readonly Dimension[], start: Choice,
  measure: (choice: Choice) => Promise<number | undefined>
): Promise<SweepResult | undefined> {
  const steps: Step[] = []
  const reasons: string[] = []
  const run = async (choice: Choice): Promise<Step | undefined> => {
    const known = steps.find(step => isSame(step.choice, choice))
    if (known !== undefined) return known
    const bytesPerSecond = await measure(choice)
    if (bytesPerSecond === undefined) return undefined
    const step = { choice, bytesPerSecond }
    steps.push(step)
    return step
  }
  let chosen = await run(start)
  for (const dimension of dimensions) {
    if (chosen === undefined) return undefined
    const whyNot = dimension.whyNot?.(chosen.choice)
    if (whyNot !== undefined) {
      reasons.push(whyNot)
      continue
    }
    const values = valuesOf(dimension, start, chosen.choice)
    const measured: Step[] = []
    for (const value of values) {
      const step = await run({ ...chosen.choice, [dimension.setting]: value })
      if (step === undefined) return undefined
      measured.push(step)
    }
    const best = Math.max(...steps.map(({ bytesPerSecond }) => bytesPerSecond))
    const ordered = { ...dimension, values: inOrder(values, dimension.values) }
    chosen = chooseStep(measured, ordered, best)
    reasons.push(explain(measured, chosen, ordered))
  }
  return chosen === undefined ? undefined : { steps, chosen, reasons }
}

/** The value of the file first. */
function valuesOf (
  { counts, setting, values }: Dimension, start: Choice, choice: Choice
): ReadonlyArray<number | string> {
  const own = start[setting]
  const others = values.filter(value =>
    typeof value === 'string' || (counts?.(value, choice) ?? true))
  return [...new Set([...own === undefined ? [] : [own], ...others])]
}

/** Numbers by size, words by the table; a word that is not there is the most expensive one. */
function inOrder (
  values: ReadonlyArray<number | string>, table: ReadonlyArray<number | string>
): ReadonlyArray<number | string> {
  const place = (value: number | string): number => {
    if (typeof value === 'number') return value
    return table.includes(value) ? table.indexOf(value) : table.length
  }
  return values.toSorted((one, other) => place(one) - place(other))
}

function isSame (one: Choice, other: Choice): boolean {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]) as Set<TunedSetting>
  return [...names].every(name => one[name] === other[name])
}

function explain (
  measured: readonly Step[], chosen: Step, { gain, price, setting, values }: Dimension
): string {
  const place = ({ choice }: Step): number => values.indexOf(choice[setting] ?? '')
  const megabytes = (step: Step): string => `${(step.bytesPerSecond / 1e6).toFixed(1)} MB/s`
  const fastest = measured.toSorted((one, other) => other.bytesPerSecond - one.bytesPerSecond)
  const cheaper = fastest.find(step => place(step) < place(chosen))
  const dearer = fastest.find(step => place(step) > place(chosen))
  const of = `${setting}=${chosen.choice[setting]} mirrors ${megabytes(chosen)}`
  const parts = [
    ...cheaper === undefined
      ? []
      : [`${cheaper.choice[setting]} mirrors ${megabytes(cheaper)}: ${gain}`],
    ...dearer === undefined
      ? []
      : [`${dearer.choice[setting]} mirrors ${megabytes(dearer)}, which is not ` +
          `${noise * 100} % more, and ${price}`]
  ]
  return parts.length === 0 ? of : `${of}; ${parts.join('; ')}`
}
