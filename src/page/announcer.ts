// What a screen reader reads out: moves into and out of faults, at most one sentence in a few
// seconds, so that a thousand moves at once are one sentence.
import type { Move } from './answers.ts'
import { byId } from './elements.ts'

const betweenMs = 4_000
const namedMax = 3

export class Announcer {
  #waiting: Move[] = []
  #isDue = false

  announce (text: string): void { byId('announcement').textContent = text }

  move (move: Move): void {
    if (move.state !== 'faulted' && move.before !== 'faulted') return
    this.#waiting.push(move)
    if (this.#isDue) return
    this.#isDue = true
    setTimeout(() => {
      this.#isDue = false
      this.announce(sentenceOf(this.#waiting))
      this.#waiting = []
    }, betweenMs)
  }
}

function sentenceOf (moves: readonly Move[]): string {
  const last = new Map(moves.map(each => [`${each.topic}-${each.partition}`, each]))
  const faulted = [...last].filter(([, { state }]) => state === 'faulted').map(([name]) => name)
  const over = [...last].filter(([, { state }]) => state !== 'faulted').map(([name]) => name)
  return [
    ...faulted.length === 0 ? [] : [`${named(faulted)} faulted.`],
    ...over.length === 0 ? [] : [`The fault of ${named(over)} is over.`]
  ].join(' ')
}

function named (names: readonly string[]): string {
  const shown = names.slice(0, namedMax).join(', ')
  return names.length > namedMax ? `${shown} and ${names.length - namedMax} more` : shown
}
