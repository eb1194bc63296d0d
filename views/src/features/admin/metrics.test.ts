import { expect, test } from 'vitest'
import { parse, quantile, sum } from './metrics'

const TEXT = `# HELP starling_errors_total Refusals
starling_errors_total{over="http",code="not_found"} 3
starling_errors_total{over="ws",code="a\\"b"} 2
starling_ack_seconds_bucket{le="0.001"} 0
starling_ack_seconds_bucket{le="0.002"} 50
starling_ack_seconds_bucket{le="0.004"} 100
starling_ack_seconds_bucket{le="+Inf"} 100
starling_node_connections 7
`

test('series are read with their labels', () => {
  const metrics = parse(TEXT)
  expect(metrics.get('starling_errors_total')?.map(({ labels }) => labels.code)).toEqual(['not_found', 'a"b'])
  expect(sum(metrics, 'starling_errors_total')).toBe(5)
  expect(sum(metrics, 'starling_node_connections')).toBe(7)
  expect(sum(metrics, 'nothing')).toBe(0)
})

test('quantiles lie within their bucket', () => {
  const metrics = parse(TEXT)
  expect(quantile(0.5, null, metrics, 'starling_ack_seconds')).toBeCloseTo(0.002)
  expect(quantile(0.75, null, metrics, 'starling_ack_seconds')).toBeCloseTo(0.003)
  expect(quantile(0.25, null, metrics, 'starling_ack_seconds')).toBeCloseTo(0.0015)
})

test('between two readings only what came in between counts', () => {
  const before = parse(TEXT)
  const now = parse(TEXT.replaceAll('100\n', '110\n'))
  expect(quantile(0.5, before, now, 'starling_ack_seconds')).toBeCloseTo(0.003)
  expect(quantile(0.5, now, now, 'starling_ack_seconds')).toBeNull()
})

test('what is beyond the last bound counts as that', () => {
  const now = parse('x_bucket{le="1"} 0\nx_bucket{le="4"} 1\nx_bucket{le="+Inf"} 10\n')
  expect(quantile(0.95, null, now, 'x')).toBe(4)
})
