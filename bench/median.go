package main

import "slices"

// median returns the middle of the values, the mean of the middle two where they
// are even. There must be one.
func median(values []float64) float64 {
	v := slices.Sorted(slices.Values(values))
	mid := len(v) / 2
	if len(v)%2 == 1 {
		return v[mid]
	}
	return (v[mid-1] + v[mid]) / 2
}

// column takes one figure out of each result.
func column[T any, N int | int64 | float64](results []T, figure func(T) N) []float64 {
	out := make([]float64, len(results))
	for i, r := range results {
		out[i] = float64(figure(r))
	}
	return out
}

func medianSample(rounds []sample) sample {
	return sample{
		CPU:         median(column(rounds, func(s sample) float64 { return s.CPU })),
		Allocs:      median(column(rounds, func(s sample) float64 { return s.Allocs })),
		Bytes:       median(column(rounds, func(s sample) float64 { return s.Bytes })),
		PerSecond:   median(column(rounds, func(s sample) float64 { return s.PerSecond })),
		Connections: int(median(column(rounds, func(s sample) int { return s.Connections }))),
		DialedLate:  int(median(column(rounds, func(s sample) int { return s.DialedLate }))),
		Held:        int(median(column(rounds, func(s sample) int { return s.Held }))),
		coldStart: coldStart{
			ColdDials:  int(median(column(rounds, func(s sample) int { return s.ColdDials }))),
			ColdMillis: median(column(rounds, func(s sample) float64 { return s.ColdMillis })),
		},
	}
}
