package main

import (
	"fmt"
	"slices"
	"time"
)

// alternate times two things in turn, once each without counting, and returns the
// medians in seconds.
func alternate(rounds int, ours, theirs func() error) (a, b float64, err error) {
	var as, bs []float64
	for i := range rounds + 1 {
		for _, x := range []struct {
			f    func() error
			list *[]float64
		}{{ours, &as}, {theirs, &bs}} {
			begin := time.Now()
			if err := x.f(); err != nil {
				return 0, 0, err
			}
			if i > 0 {
				*x.list = append(*x.list, time.Since(begin).Seconds())
			}
		}
	}
	return median(as), median(bs), nil
}

func median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}

func rate(bytes int64, seconds float64) string {
	return fmt.Sprintf("%.2f GB/s", float64(bytes)/seconds/1e9)
}

func percentile(list []float64, q float64) float64 {
	slices.Sort(list)
	return list[int(q*float64(len(list)-1))]
}
