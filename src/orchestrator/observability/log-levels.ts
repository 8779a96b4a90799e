// The levels of the log, from the most to the fewest lines. Apart from log.ts, which loads pino:
// control records name levels, too.

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const
export type LogLevel = (typeof logLevels)[number]
