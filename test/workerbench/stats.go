package main

import (
	"fmt"
	"slices"
	"time"
)

// alternate times two things in turn, once each without counting, and returns the
// medians in seconds.
func alternate(rounds int, ours, theirs func() error) (a, b float64, err error) {
	return alternateTimed(rounds, timed(ours), timed(theirs))
}

// alternateTimed is alternate for things that take their own time.
func alternateTimed(rounds int, ours, theirs func() (time.Duration, error)) (a, b float64, err error) {
	var as, bs []float64
	for i := range rounds + 1 {
		for _, x := range []struct {
			f    func() (time.Duration, error)
			list *[]float64
		}{{ours, &as}, {theirs, &bs}} {
			took, err := x.f()
			if err != nil {
				return 0, 0, err
			}
			if i > 0 {
				*x.list = append(*x.list, took.Seconds())
			}
		}
	}
	return median(as), median(bs), nil
}

func timed(f func() error) func() (time.Duration, error) {
	return func() (time.Duration, error) {
		begin := time.Now()
		err := f()
		return time.Since(begin), err
	}
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
