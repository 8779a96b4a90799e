// Figures as people read them. Pure.

const none = '–'
const countFormat = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const shortFormat = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })

export function countText (count: number | null): string {
  return count === null ? none : countFormat.format(count)
}

/** 12.3K, 4M. */
export function shortText (count: number | null): string {
  return count === null ? none : shortFormat.format(count)
}

export function bytesText (bytes: number | null): string {
  if (bytes === null) return none
  let left = bytes
  for (const unit of ['B', 'kB', 'MB', 'GB']) {
    const digits = left < 10 && unit !== 'B' ? 1 : 0
    if (left < 999.5) return `${left.toFixed(digits)} ${unit}`
    left /= 1000
  }
  return `${left.toFixed(1)} TB`
}

export function secondsText (seconds: number | null): string {
  if (seconds === null) return none
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 120) return `${Math.round(seconds)} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`
  return `${Math.round(seconds / 86_400)} d`
}

export function msText (ms: number | null): string {
  return secondsText(ms === null ? null : ms / 1000)
}

export function agoText (atMs: number | null, nowMs: number): string {
  return atMs === null ? none : `${secondsText(Math.max(1, Math.round((nowMs - atMs) / 1000)))} ago`
}

export function timeText (atMs: number): string {
  return new Date(atMs).toLocaleTimeString('en-GB')
}

export function dateText (atMs: number): string {
  return new Date(atMs).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'medium' })
}

/** `orders-3`, `orders`, or the whole flow. */
export function scopeText (
  { partition, topic }: { readonly topic?: string | null, readonly partition?: number | null }
): string {
  if (topic === null || topic === undefined) return 'the whole flow'
  return partition === null || partition === undefined ? topic : `${topic}-${partition}`
}
