// The end-to-end latencies of a bench as an HdrHistogram log: one histogram for each second, in
// microseconds, as the tools for such logs read them. Pure.
import { HistogramLogWriter } from 'hdr-histogram-js'
import type { BenchSample } from './bench-counts.ts'

const microsecondsAMs = 1000

export function renderHistogramLog (samples: readonly BenchSample[]): string {
  let text = ''
  const writer = new HistogramLogWriter(part => { text += part })
  const startMs = samples[0]?.startMs ?? 0
  writer.outputComment('[End-to-end latency of records, microseconds; the maximum is in ms]')
  writer.outputLogFormatVersion()
  writer.outputStartTime(startMs)
  writer.baseTime = startMs
  writer.outputLegend()
  for (const { endToEndLatency, seconds, startMs: fromMs } of samples) {
    const from = (fromMs - startMs) / 1000
    writer.outputIntervalHistogram(endToEndLatency, from, from + seconds, microsecondsAMs)
  }
  return text
}
