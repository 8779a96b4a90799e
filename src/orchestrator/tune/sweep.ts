// Which settings a sweep measures, and which of them it chooses: one setting after another, each
// with the best values so far. Pure.
import type { Dimension, TunedSetting } from './tune-table.ts'

export type Choice = Readonly<Partial<Record<TunedSetting, number>>>

export interface Step {
  readonly choice: Choice
  readonly bytesPerSecond: number
}

/** Repeated runs differ by a few percent: a smaller difference does not justify a higher price. */
export const noise = 0.05

/** Of the values whose throughput is within the noise of the best one, the cheapest. */
export function chooseStep (steps: readonly Step[], { setting, values }: Dimension): Step {
  const best = Math.max(...steps.map(({ bytesPerSecond }) => bytesPerSecond))
  const price = ({ choice }: Step): number => values.indexOf(choice[setting] ?? 0)
  const [chosen] = steps.filter(({ bytesPerSecond }) => bytesPerSecond >= best * (1 - noise))
    .toSorted((one, other) => price(one) - price(other))
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
    const { setting } = dimension
    const measured: Step[] = []
    const own = start[setting]
    const values = new Set([...own === undefined ? [] : [own], ...dimension.values])
    for (const value of values) {
      const step = await run({ ...chosen?.choice, [setting]: value })
      if (step === undefined) return undefined
      measured.push(step)
    }
    const all = { ...dimension, values: [...values].sort((one, other) => one - other) }
    chosen = chooseStep(measured, all)
    reasons.push(explain(measured, chosen, all))
  }
  return chosen === undefined ? undefined : { steps, chosen, reasons }
}

function isSame (one: Choice, other: Choice): boolean {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]) as Set<TunedSetting>
  return [...names].every(name => one[name] === other[name])
}

function explain (
  measured: readonly Step[], chosen: Step, { gain, price, setting }: Dimension
): string {
  const value = chosen.choice[setting] ?? 0
  const megabytes = (step: Step): string => `${(step.bytesPerSecond / 1e6).toFixed(1)} MB/s`
  const smaller = measured.filter(({ choice }) => (choice[setting] ?? 0) < value)
    .toSorted((one, other) => other.bytesPerSecond - one.bytesPerSecond)[0]
  const larger = measured.filter(({ choice }) => (choice[setting] ?? 0) > value)
    .toSorted((one, other) => other.bytesPerSecond - one.bytesPerSecond)[0]
  const of = `${setting}=${value} mirrors ${megabytes(chosen)}`
  const parts = [
    ...smaller === undefined
      ? []
      : [`${smaller.choice[setting]} mirrors ${megabytes(smaller)}: ${gain}`],
    ...larger === undefined
      ? []
      : [`${larger.choice[setting]} mirrors ${megabytes(larger)}, which is not ` +
          `${noise * 100} % more, and ${price}`]
  ]
  return parts.length === 0 ? of : `${of}; ${parts.join('; ')}`
}
