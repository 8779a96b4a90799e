// How old the shown figures are. Old figures are never shown like new ones: while there are no new
// ones, a sentence says so and since when, and the page is dimmed.
import { ApiError, failureText } from './api.ts'
import { byId, setHidden, setText } from './elements.ts'
import { secondsText, timeText } from './format.ts'

/** Three polls without an answer. */
const oldMs = 6_500

export class Freshness {
  #answeredMs: number | undefined
  #why = ''
  #isTokenAsked = false

  constructor () {
    setInterval(() => { this.show() }, 1000)
  }

  succeeded (): void {
    this.#answeredMs = Date.now()
    this.#why = ''
    this.#isTokenAsked = false
    this.show()
  }

  failed (thrown: unknown): void {
    this.#isTokenAsked = thrown instanceof ApiError && thrown.status === 401
    this.#why = failureText(thrown)
    this.show()
  }

  show (): void {
    const ageMs = this.#answeredMs === undefined ? Infinity : Date.now() - this.#answeredMs
    const isOld = ageMs > oldMs
    document.body.classList.toggle('old', isOld && this.#answeredMs !== undefined)
    setHidden(byId('sign-in'), !this.#isTokenAsked)
    const isBanner = !this.#isTokenAsked && this.#why !== '' && isOld
    setHidden(byId('banner'), !isBanner)
    if (isBanner) {
      const since = this.#answeredMs === undefined
        ? ''
        : ` What you see is its state at ${timeText(this.#answeredMs)}.`
      setText(byId('banner'), `${this.#why}${since}`)
    }
    const live = byId('live')
    live.setAttribute('data-live', this.#answeredMs === undefined ? 'no' : isOld ? 'old' : 'yes')
    setText(live, this.#answeredMs === undefined
      ? 'no figures yet'
      : isOld ? `figures of ${secondsText(Math.round(ageMs / 1000))} ago` : 'live')
  }
}
