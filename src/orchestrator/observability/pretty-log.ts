// Renders one JSON log line as one line for people: time, level, message, then fields as
// name=value.

interface LogLine {
  readonly time?: string
  readonly level?: string
  readonly text?: string
  readonly err?: LoggedError
  readonly [field: string]: unknown
}

type LoggedError = Partial<Pick<Error, 'message' | 'stack'>> & { readonly code?: unknown }

/** ANSI colours of the levels; others have none. */
const levelColors: Readonly<Record<string, number>> = { warn: 33, error: 31, fatal: 31, debug: 90 }
const levelWidth = 5

export function formatPrettyLine (json: string, color: boolean): string {
  const { err, level = '', text = '', time = '', ...fields } = JSON.parse(json) as LogLine
  const shownLevel = paint(level.toUpperCase().padEnd(levelWidth), levelColors[level], color)
  const head = `${time} ${shownLevel} ${escapeControls(text)}`
  const pairs = Object.entries(fields).map(([name, value]) =>
    `${escapeControls(name)}=${formatValue(value)}`)
  // Most texts end in the message of their error, which is printed once only.
  if (err?.message !== undefined && !text.includes(err.message)) {
    pairs.push(`err=${formatValue(err.message)}`)
  }
  const line = [head, ...pairs.map((pair) => paint(pair, 90, color))].join(' ')
  return `${line}\n${formatStack(err)}`
}

/** Errors with a code are operating errors, printed as text; any other error is a program error. */
function formatStack (err: LoggedError | undefined): string {
  if (err?.stack === undefined || err.code !== undefined) return ''
  const frames = err.stack.split('\n').filter((line) => line.trimStart().startsWith('at '))
  return frames.map((line) => `    ${escapeControls(line.trim())}\n`).join('')
}

function formatValue (value: unknown): string {
  const bare = typeof value === 'string' && /^[^\s"=]+$/u.test(value)
  return escapeControls(bare ? value : JSON.stringify(value))
}

/** Texts also come from brokers and files: no text may move the cursor or imitate a log line. */
function escapeControls (text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/gu, (character) =>
    `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function paint (text: string, ansi: number | undefined, color: boolean): string {
  return color && ansi !== undefined ? `\u001b[${ansi}m${text}\u001b[0m` : text
}
