// Figures for people, short and of steady width: counts, bytes (powers of ten), times.

const countUnits = ['', 'k', 'M', 'G', 'T'] as const
const byteUnits = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const

/** 0, 950, 12.3k, 4.56M */
export function formatCount (count: number): string {
  return scale(count, countUnits).join('')
}

/** 0 B, 12.3 kB, 4.56 MB: 1 MB is 1,000,000 bytes, as in the figures of links and disks. */
export function formatBytes (bytes: number): string {
  return scale(bytes, byteUnits).join(' ')
}

/** 3ms, 1.2s, 4m05s, 3h07m */
export function formatSeconds (seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)}ms`
  if (seconds < 60) return `${threeDigits(seconds)}s`
  const whole = Math.floor(seconds)
  if (seconds < 3600) return `${Math.floor(whole / 60)}m${twoDigits(whole % 60)}s`
  return `${Math.floor(whole / 3600)}h${twoDigits(Math.floor(whole / 60) % 60)}m`
}

function scale (value: number, units: readonly string[]): [string, string] {
  let scaled = value
  let unit = 0
  // 999.5 rounds to 1000, which is written in the next unit.
  while (scaled >= 999.5 && unit < units.length - 1) {
    scaled /= 1000
    unit++
  }
  return [unit === 0 ? String(Math.round(scaled)) : threeDigits(scaled), units[unit] ?? '']
}

function threeDigits (value: number): string {
  const decimals = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2
  return value.toFixed(decimals)
}

function twoDigits (value: number): string {
  return String(value).padStart(2, '0')
}

/** `1 topic`, `2 topics`. */
export function plural (count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count} ${noun}s`
}
